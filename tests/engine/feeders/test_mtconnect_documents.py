import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtconnect_server import T0, RecordedAgent

from engine.feeders.mtconnect_documents import Document, DocumentError, read_document, time_ns

STREAMS = """<?xml version="1.0" encoding="UTF-8"?>
<MTConnectStreams xmlns:m="urn:mtconnect.org:MTConnectStreams:2.2" xmlns="urn:mtconnect.org:MTConnectStreams:2.2"
    xmlns:x="urn:example.com:1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Header creationTime="2023-11-14T22:13:21Z" sender="mill" instanceId="1699" version="2.2" deviceModelChangeTime="2023"
      bufferSize="131072" nextSequence="42" firstSequence="1" lastSequence="41"/>
  <Streams>
    <DeviceStream name="VMC" uuid="vmc-1">
      <ComponentStream component="Rotary" name="C" componentId="c">
        <Samples>
          <RotaryVelocity dataItemId="c1" name="Sovr" subType="ACTUAL" sequence="7"
              timestamp="2023-11-14T22:13:20.5Z">2999.5</RotaryVelocity>
          <x:Vibration dataItemId="c9" sequence="9" timestamp="2023-11-14T22:13:20.500Z">0.1</x:Vibration>
          <AccelerationTimeSeries dataItemId="c2" sequence="8" sampleCount="3" sampleRate="1000"
              timestamp="2023-11-14T22:13:20.6Z">0.1 -0.2 0.3</AccelerationTimeSeries>
        </Samples>
        <Condition><Normal dataItemId="c3" sequence="3" timestamp="2023-11-14T22:13:20Z" type="LOAD"/></Condition>
      </ComponentStream>
      <ComponentStream component="Path" name="P" componentId="p">
        <Events>
          <Program dataItemId="p1" sequence="4" timestamp="2023-11-14T22:13:20Z">O1001 &lt;rough&gt;</Program>
          <ToolNumber dataItemId="p2" sequence="5" timestamp="2023-11-14T22:13:20Z">UNAVAILABLE</ToolNumber>
          <VariableDataSet dataItemId="p3" sequence="6" timestamp="2023-11-14T22:13:20Z" count="1">
            <Entry key="100">1</Entry></VariableDataSet>
          <Line dataItemId="p4" sequence="6" timestamp="today">10</Line>
        </Events>
      </ComponentStream>
    </DeviceStream>
  </Streams>
</MTConnectStreams>"""


def test_a_streams_document_is_read_in_the_order_of_its_sequence_numbers():
    document = read_document(STREAMS.encode())
    assert (document.instance, document.first, document.following) == ("1699", 1, 42)
    assert document.created_ns == T0 + 10**9
    found = [(one.sequence, one.item, one.kind, one.sub_kind, one.value) for one in document.observations]
    assert found == [
        (4, "p1", "Program", "", "O1001 <rough>"),
        (5, "p2", "ToolNumber", "", "UNAVAILABLE"),
        (7, "c1", "RotaryVelocity", "ACTUAL", "2999.5"),
        (8, "c2", "Acceleration", "", "0.1 -0.2 0.3"),
        (9, "c9", "Vibration", "", "0.1"),
    ]
    series = document.observations[3]
    assert series.is_series
    assert series.rate_hz == 1000.0
    assert series.component == ("Rotary", "C")
    assert series.device == ("VMC", "vmc-1")
    assert math.isnan(document.observations[2].rate_hz)


def test_an_observation_without_a_readable_time_is_left_out_and_counted():
    assert read_document(STREAMS.encode()).n_unusable == 1


@pytest.mark.parametrize(
    "error",
    [
        "<Errors><Error errorCode=\"OUT_OF_RANGE\">'from' must be above 8</Error></Errors>",
        '<Errors><OutOfRange errorCode="OUT_OF_RANGE"><ErrorMessage>no</ErrorMessage></OutOfRange></Errors>',
        '<Error errorCode="OUT_OF_RANGE">no</Error>',
    ],
)
def test_errors_of_every_version_are_recognised_by_their_code(error):
    document = read_document(f'<MTConnectError xmlns="urn:x"><Header/>{error}</MTConnectError>'.encode())
    assert document.errors == ("OUT_OF_RANGE",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "well-formed"),
        (b"<html><body>It works!</body></html>", "got <html>"),
        (STREAMS[:900].encode(), "well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "well-formed"),
        (b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>', "document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "document type"),
        (b"<a>" * 1000, "deeper"),
        (b"<MTConnectStreams/>", "instanceId"),
        (b'<MTConnectStreams><Header instanceId="1" nextSequence="-4"/></MTConnectStreams>', "nextSequence"),
        (b"<MTConnectDevices><Header/></MTConnectDevices>", "got <MTConnectDevices>"),
    ],
)
def test_what_is_no_such_document_is_one_clear_error(data, told):
    with pytest.raises(DocumentError, match=told):
        read_document(data)


def test_values_and_their_number_are_bounded():
    agent = RecordedAgent()
    agent.add("a", "Load", "1" * 5_000_000, 0.0)
    with pytest.raises(DocumentError, match="characters"):
        read_document(agent.current())


@given(st.binary(max_size=300), st.integers(0, len(STREAMS)), st.integers(0, 40))
def test_whatever_bytes_come_the_answer_is_a_document_or_an_error(bytes_put_in, at, n_left_out):
    data = STREAMS.encode()
    with suppress(DocumentError):
        assert isinstance(read_document(data[:at] + bytes_put_in + data[at + n_left_out :]), Document)


@given(st.integers(1, 2**63 - 1))
def test_times_are_read_to_the_nanosecond(t_ns):
    from datetime import UTC, datetime, timedelta

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=t_ns // 10**9)
    assert time_ns(f"{moment:%Y-%m-%dT%H:%M:%S}.{t_ns % 10**9:09d}Z") == t_ns


@pytest.mark.parametrize(
    "text", ["", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z", "2023-02-30T00:00:00Z", "12:00"]
)
def test_what_is_no_time_is_none(text):
    assert time_ns(text) is None
