// Package wire is the contract between gateway and cloud on MQTT: topics, messages (wire.proto) and their encoding.
// Both sides import it and nothing else of each other. Bytes of every released version stay decodable: testdata holds them.
package wire

import (
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"regexp"
	"strings"
	"time"
)

// Streams of a gateway. Each has its own log, sequence and window.
const (
	StreamEvents    = 1
	StreamTelemetry = 2
	StreamEvidence  = 3
	StreamParts     = 4 // what is to become the next telemetry record; only on the gateway's disk, never sent
)

// StreamName is the stream's name in topics, metrics and files.
func StreamName(stream uint32) string {
	switch stream {
	case StreamEvents:
		return "events"
	case StreamTelemetry:
		return "telemetry"
	case StreamEvidence:
		return "evidence"
	case StreamParts:
		return "parts"
	}
	return fmt.Sprintf("stream-%d", stream)
}

// Record types.
const (
	TypeEvent    = 1 // payload: Event
	TypeReadings = 2 // payload: Readings
	TypeChunk    = 3 // payload: Chunk
)

// Clock qualities of a record's wall time.
const (
	ClockUnknown = 0
	ClockLast    = 1 // not older than the newest record before
	ClockSynced  = 2
)

// Limits that both sides keep.
const (
	MaxMessage  = 64 << 10 // bytes of one MQTT payload
	MaxPayload  = 60 << 10 // bytes of one record's payload
	MaxReadings = 16384    // readings of one record

	LookTime   = time.Minute     // of one look at a camera
	LookWindow = 128 << 10       // bytes of it between camera and viewer
	LookPiece  = 4 << 10         // bytes of one Glimpse: what an alert may have to wait for
	LookSilent = 8 * time.Second // without a word from the cloud a look is over
	MaxAnswer  = 512 << 10       // bytes of one Answer
)

// Leaves of a gateway's topics.
const (
	UpHello     = "up/hello"
	UpEvents    = "up/events"
	UpTelemetry = "up/telemetry"
	UpEvidence  = "up/evidence"
	UpLive      = "up/live"
	UpLook      = "up/look"
	DownAck     = "down/ack"
	DownCommand = "down/command"
	StatusLeaf  = "status"
)

const root = "ls/1/"

var gatewayID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,63}$`)

// CheckGateway refuses an id that could break a topic or an access rule.
func CheckGateway(id string) error {
	if !gatewayID.MatchString(id) {
		return fmt.Errorf("gateway id %q: use 2 to 64 of a-z, 0-9 and -, starting with a letter or digit", id)
	}
	return nil
}

// Shard is the two hex digits by which ingest workers split the gateways.
func Shard(gateway string) string {
	h := fnv.New32a()
	h.Write([]byte(gateway))
	return fmt.Sprintf("%02x", h.Sum32()&0xff)
}

// Topic of a gateway's leaf: "ls/1/3f/gw-0142/up/hello".
func Topic(gateway, leaf string) string { return root + Shard(gateway) + "/" + gateway + "/" + leaf }

// Filter subscribes to a leaf of every gateway of every shard.
func Filter(leaf string) string { return root + "+/+/" + leaf }

// ParseTopic is the inverse of Topic. It refuses a wrong shard, so that no gateway can speak in another worker's place.
func ParseTopic(topic string) (gateway, leaf string, err error) {
	rest, ok := strings.CutPrefix(topic, root)
	parts := strings.SplitN(rest, "/", 3)
	if !ok || len(parts) != 3 || CheckGateway(parts[1]) != nil {
		return "", "", fmt.Errorf("topic %q is not %s<shard>/<gateway>/<leaf>", topic, root)
	}
	if parts[0] != Shard(parts[1]) {
		return "", "", fmt.Errorf("topic %q: shard of %s is %s", topic, parts[1], Shard(parts[1]))
	}
	return parts[1], parts[2], nil
}

// UpLeaf is the leaf on which a stream goes up.
func UpLeaf(stream uint32) string { return "up/" + StreamName(stream) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is CRC32C, the check of records in the log and on the wire.
func Checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// ArtifactsPath is where the cloud hands update files out, below its address; a file's SHA-256 follows.
const ArtifactsPath = "/artifacts/"
