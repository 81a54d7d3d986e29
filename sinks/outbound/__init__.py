"""Alerts to those who do not listen: webhooks, mail, chats, brokers. Each has a thread and a position of its own."""
