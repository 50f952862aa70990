"""The front door: events over HTTP, in everyone's format, judged and sent into the topic."""
