package node

import (
	"millrace/internal/units"
)

// MetricsConfig is the part about what is counted and told.
type MetricsConfig struct {
	HotKeys       string         `yaml:"hot_keys" doc:"hashed finds the keys that are asked for most and shows hashes of them, which are others after a restart; plain shows the keys themselves to whoever may use the admin API; off looks for none. One request in 256 is looked at and eight looks are evidence, so that a key shows after some two thousand requests for it."`
	SlowThreshold units.Duration `yaml:"slow_threshold" doc:"Requests that take so long are kept, the latest 128 of them, for the admin API, with hashes of their keys and without items; 0s keeps none."`
}

// TLSConfig is the part about TLS on the data port.
type TLSConfig struct {
	CertFile string `yaml:"cert_file" doc:"PEM file of the data port's certificate and those between it and its root. With it the port speaks TLS, 1.2 or later, and nothing else. It is read again when it changes, at a reload, and twice a minute."`
	KeyFile  string `yaml:"key_file" doc:"PEM file of the certificate's private key."`
}
