// Waveform, spectrum and envelope of one alert.

function signals(alert) {
  const { picture } = alert, box = part("div", "signals");
  for (const channel of picture.channels) {
    const name = channel.unit ? `${channel.name} [${channel.unit}]` : channel.name;
    box.append(part("h4", "", `${picture.group} · ${name}`));
    box.append(drawing("wave", (width) => waveform(alert, channel, name, width)));
    if (picture.polled) continue;
    if (!channel.spectrum) { box.append(part("p", "quiet", told("noSpectrum"))); continue; }
    const pair = part("div", "pair", spectrumPart(alert, channel));
    if (channel.envelope) pair.append(envelopePart(picture, channel));
    box.append(pair);
  }
  if (picture.n_channels > picture.channels.length) box.append(part("p", "quiet", told("firstChannels")(picture.channels.length, picture.n_channels)));
  return box;
}

function padded(low, high) {
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
}

// Every run of samples is drawn from its smallest to its largest; pauses that are normal for polled values are bridged.
function waveform({ picture, onset_s: onset, opened_s: opened }, channel, name, width) {
  const { wave } = channel, low = unpack(wave.low), high = unpack(wave.high);
  const from = picture.from_s - onset, to = from + low.length * wave.step_s;
  const y = low.some(Number.isFinite) ? padded(smallest(finite(low)), largest(finite(high))) : [-1, 1];
  const chart = new Chart({ width, height: 150, x: [from, to], y, xLabel: told("secondsAxis"), yLabel: channel.unit ? `${told("value")} [${channel.unit}]` : told("value"), label: `${told("waveform")} ${name}` });
  let d = "", hole = Infinity;
  for (let at = 0; at < low.length; at += 1) {
    if (Number.isNaN(low[at])) { hole += 1; continue; }
    const x = chart.x(from + (at + 0.5) * wave.step_s);
    d += `${hole > wave.bridged ? "M" : "L"}${x} ${chart.y(low[at])}${hole > wave.bridged ? "h.01" : ""}L${x} ${chart.y(high[at])}`;
    hole = 0;
  }
  chart.add("path", { d, class: "curve now" });
  chart.vertical(0, "onset", told("onset"), 0, opened - onset < (to - from) / 6);
  chart.vertical(opened - onset, "opened", told("opening"));
  return chart.svg;
}

function spectrumPart(alert, channel) {
  const { picture } = alert, { calm } = channel.spectrum;
  const before = calm ? told("calm")(duration(alert.onset_s - picture.calm_s)) : told("noCalm");
  return part("div", "", drawing("half", (width) => spectrum(picture, channel, width), 0.5), legend(["now", told("now")], ...(calm ? [["calm", before]] : [])), calm ? "" : part("p", "quiet", before));
}

function spectrum({ rpm, n_teeth: teeth, rate_hz: rate }, channel, width) {
  const { now, calm, step_hz: step, bin_hz: bin } = channel.spectrum;
  const curves = [calm, now].map((one) => (one ? unpack(one).map((value) => 10 ** value) : null));
  const all = curves.flatMap((one) => (one ? finite(one) : []));
  const top = largest(all), y = [Math.max(smallest(all), top * 1e-5), top * 2];
  const xs = Float64Array.from(unpack(now), (_, at) => (at + 0.5) * step - bin / 2);
  const chart = new Chart({ width, height: 200, x: [0, rate / 2], y, yLog: true, xLabel: told("hertzAxis"), yLabel: told("rmsAxis")(figure(bin, 2), channel.unit), label: `${told("spectrum")} ${channel.name}` });
  if (rpm > 0) {
    chart.vertical(rpm / 60, "line", told("rotation"), 1);
    if (teeth > 0) [1, 2, 3].forEach((harmonic) => chart.vertical((harmonic * teeth * rpm) / 60, "line", harmonic === 1 ? told("tooth") : ""));
  }
  if (curves[0]) chart.line(xs, curves[0], "calm");
  chart.line(xs, curves[1], "now");
  return chart.svg;
}

function envelopePart(picture, channel) {
  const { lines, band_hz: [low, high], kurtosis, geometry } = channel.envelope;
  const note = part("p", "legend quiet", told("band")(figure(low), figure(high), figure(kurtosis)));
  if (!lines.length) note.append(" · ", told(geometry ? "noSpeed" : "noGeometry"));
  return part("div", "", drawing("half", (width) => envelope(channel, width), 0.5), note);
}

// As far as the third harmonic of the highest line: beyond it nothing is read.
function envelope(channel, width) {
  const { depth, step_hz: step, lines } = channel.envelope, values = unpack(depth);
  const highest = largest(lines.map(([, hertz]) => 3.3 * hertz));
  const to = lines.length ? Math.min(highest, values.length * step) : Math.min(1000, values.length * step);
  const shown = values.subarray(0, Math.ceil(to / step));
  const xs = Float64Array.from(shown, (_, at) => at * step);
  const chart = new Chart({ width, height: 200, x: [0, to], y: [0, (largest(finite(shown)) || 1) * 1.15], xLabel: told("hertzAxis"), yLabel: told("depthAxis"), label: `${told("envelope")} ${channel.name}` });
  lines.forEach(([name, hertz], row) => [1, 2, 3].forEach((harmonic) => chart.vertical(harmonic * hertz, `bearing b${row}`, harmonic === 1 ? name : "", row)));
  chart.line(xs, shown, "now");
  return chart.svg;
}
