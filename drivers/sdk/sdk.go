// Package sdk runs a driver in a process of its own, over hashicorp/go-plugin and gRPC. Both halves of the wire lie
// here side by side: a driver's author calls Serve in main (see the example folder), the gateway calls Launch and gets
// a Process, which is a device.Driver like any other.
//
// The promise is containment. A driver that panics, hangs, eats memory or prints nonsense costs its own channels some
// seconds; the gateway sees a Read or an Open that failed. The child gets a clean environment, /dev/null as stdin, a
// process group that is killed as one, SIGKILL when the gateway dies, a checked executable, mutual TLS on its socket.
// What it does not promise: the child runs as the same user and may open any file or port the gateway may. Between the
// check of the executable and its start the file could be swapped, so keep it in a folder that only root can write.
package sdk

import "github.com/hashicorp/go-plugin"

// pluginName is the one thing that a driver process serves.
const pluginName = "driver"

// handshake lets a driver that was started by hand say so. It is no security measure.
func handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  1,
		MagicCookieKey:   "LINSHAO_DRIVER",
		MagicCookieValue: "f3a1c0de-linshao",
	}
}
