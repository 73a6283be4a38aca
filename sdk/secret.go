package sdk

import "log/slog"

const redacted = "[redacted]"

// Secret is text that must not be shown: every way of printing or encoding it gives "[redacted]". Reveal returns it.
type Secret string

// Reveal returns the text itself; call it only where it is used.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return redacted }

// MarshalText returns "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
