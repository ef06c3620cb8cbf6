"""Pages and printed summaries: plain values in, text out; no session, no tables."""
