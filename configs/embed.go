package configs

import "embed"

// FS holds the shipped files: gateway.yaml, cloud.yaml, profiles/, rules/, demo/ and systemd/. The programs fall back to its profiles and rules
// where a site names no folder of its own.
//
//go:embed *.yaml */*.yaml systemd/*.service
var FS embed.FS
