package config

// LastingName shows to tests how a serial port is called for good.
func LastingName(folder, port string) string { return lastingName(folder, port) }
