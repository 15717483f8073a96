package sparkplug_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/internal/sparkplug"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schema is what a host application reads payloads with: the messages of Sparkplug 3.0.0, §6.4, told to the protobuf library, which
// knows nothing of our encoder.
const schema = `name: "sparkplug.proto" package: "t" syntax: "proto2"
message_type { name: "Payload"
  field { name: "timestamp" number: 1 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "metrics" number: 2 type: TYPE_MESSAGE type_name: ".t.Metric" label: LABEL_REPEATED }
  field { name: "seq" number: 3 type: TYPE_UINT64 label: LABEL_OPTIONAL } }
message_type { name: "Metric"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "alias" number: 2 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "timestamp" number: 3 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "datatype" number: 4 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "is_null" number: 7 type: TYPE_BOOL label: LABEL_OPTIONAL }
  field { name: "properties" number: 9 type: TYPE_MESSAGE type_name: ".t.PropertySet" label: LABEL_OPTIONAL }
  field { name: "int_value" number: 10 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "long_value" number: 11 type: TYPE_UINT64 label: LABEL_OPTIONAL }
  field { name: "double_value" number: 13 type: TYPE_DOUBLE label: LABEL_OPTIONAL }
  field { name: "boolean_value" number: 14 type: TYPE_BOOL label: LABEL_OPTIONAL } }
message_type { name: "PropertySet"
  field { name: "keys" number: 1 type: TYPE_STRING label: LABEL_REPEATED }
  field { name: "values" number: 2 type: TYPE_MESSAGE type_name: ".t.PropertyValue" label: LABEL_REPEATED } }
message_type { name: "PropertyValue"
  field { name: "type" number: 1 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "int_value" number: 3 type: TYPE_UINT32 label: LABEL_OPTIONAL }
  field { name: "string_value" number: 8 type: TYPE_STRING label: LABEL_OPTIONAL } }`

func message(t testing.TB) protoreflect.MessageDescriptor {
	t.Helper()
	var file descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal([]byte(schema), &file); err != nil {
		t.Fatal(err)
	}
	f, err := protodesc.NewFile(&file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Messages().ByName("Payload")
}

// host is an application at the broker that writes down what it hears: "DDATA/gw-1/a seq 3: {…}".
type host struct {
	t      *testing.T
	client mqtt.Client
	heard  chan string
}

func newHost(t *testing.T, addr string) *host {
	t.Helper()
	h := &host{t: t, heard: make(chan string, 100)}
	payload := message(t)
	h.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://" + addr).SetClientID("host"))
	if token := h.client.Connect(); token.Wait() && token.Error() != nil {
		t.Fatal(token.Error())
	}
	t.Cleanup(func() { h.client.Disconnect(100) })
	h.client.Subscribe("spBv1.0/#", 1, func(_ mqtt.Client, m mqtt.Message) {
		if strings.Contains(m.Topic(), "/NCMD/") {
			return
		}
		msg := dynamicpb.NewMessage(payload)
		if err := proto.Unmarshal(m.Payload(), msg); err != nil || len(msg.GetUnknown()) > 0 {
			h.heard <- fmt.Sprintf("%s: unreadable: %v", m.Topic(), err)
			return
		}
		h.heard <- strings.TrimPrefix(m.Topic(), "spBv1.0/yunfeng/") + " " + strings.ReplaceAll(protojson.MarshalOptions{}.Format(msg), " ", "")
	}).Wait()
	return h
}

// next is what the host hears next; it must hold all of want.
func (h *host) next(want ...string) string {
	h.t.Helper()
	select {
	case got := <-h.heard:
		for _, w := range want {
			if !strings.Contains(got, w) {
				h.t.Errorf("heard %s\nwant %s", got, w)
			}
		}
		return got
	case <-time.After(30 * time.Second):
		h.t.Fatalf("heard nothing, want %v", want)
		return ""
	}
}

// broker runs a real mosquitto.
func broker(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		if os.Getenv("LINSHAO_REQUIRE") == "1" {
			t.Fatal("needs mosquitto: apt-get install mosquitto")
		}
		t.Skip("needs mosquitto: apt-get install mosquitto")
	}
	port := fmt.Sprint(freeport.Port(t))
	addr := "127.0.0.1:" + port
	cmd := exec.Command(path, "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for limit := time.Now().Add(30 * time.Second); ; <-time.After(10 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		if time.Now().After(limit) {
			t.Fatal("mosquitto does not listen: ", err)
		}
	}
}

// wire carries bytes to the broker until it is cut; what is dialled later goes through again.
type wire struct {
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{l: l}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.conns = append(w.conns, near, far)
			w.mu.Unlock()
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				done.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					pair[0].Close()
					pair[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() { l.Close(); w.cut(); done.Wait() })
	return w
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

// TestLifeOfANode: births before data, numbers without holes, doubt and absence said, a death by last will with the number of its
// birth, and everything anew after it.
func TestLifeOfANode(t *testing.T) {
	addr := broker(t)
	h, line := newHost(t, addr), newWire(t, addr)
	at := time.UnixMilli(1795400000000)
	points := []device.Point{{Device: "a", Name: "power", Unit: "W"}, {Device: "a", Name: "relay"}}
	node := sparkplug.New(sparkplug.Config{URL: &url.URL{Scheme: "mqtt", Host: line.l.Addr().String()}, Group: "yunfeng", Node: "gw-1",
		Devices: []device.Device{{ID: "a", Points: points}, {ID: "silent", Points: []device.Point{{Device: "silent", Name: "x"}}}},
		Now:     func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)})
	in := make(chan []device.Reading)
	var run sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	run.Go(func() {
		if err := node.Run(ctx, in); err != nil {
			t.Error(err)
		}
	})
	good := func(v float64) device.Reading {
		return device.Reading{Device: "a", Point: "power", Value: v, Quality: device.Good, Time: at}
	}
	first := h.next("NBIRTH/gw-1", `"name":"bdSeq"`, `"name":"NodeControl/Rebirth"`, `"seq":"0"`)
	in <- []device.Reading{good(231.5)}
	h.next("DBIRTH/gw-1/a", `"seq":"1"`, `"name":"power","alias":"1"`, `"doubleValue":231.5`, `"keys":["Quality","engUnit"]`, `"intValue":192`, `"stringValue":"W"`,
		`"name":"relay","alias":"2"`, `"isNull":true`, `"stringValue":"not_read"`)
	in <- []device.Reading{{Device: "a", Point: "power", Value: 9999, Quality: device.Uncertain, Reason: device.OutOfRange, Time: at}, good(7)}
	h.next("DDATA/gw-1/a", `"seq":"2"`, `"alias":"1"`, `"doubleValue":9999`, `"intValue":0`, `"stringValue":"out_of_range"`, `"doubleValue":7`)
	in <- []device.Reading{device.BadReading(points[0], device.Timeout, at), device.BadReading(points[1], device.Timeout, at)}
	h.next("DDEATH/gw-1/a", `"seq":"3"`)
	in <- []device.Reading{good(1)}
	h.next("DBIRTH/gw-1/a", `"seq":"4"`)

	for _, junk := range [][]byte{nil, {0xff}, []byte("not protobuf"), {0x12, 0x05, 0x0a, 0x14}} {
		h.client.Publish("spBv1.0/yunfeng/NCMD/gw-1", 1, false, junk).Wait()
	}
	name := "Node Control/Rebirth"
	metric := append(append([]byte{0x0a, byte(len(name))}, name...), 0x70, 1)
	h.client.Publish("spBv1.0/yunfeng/NCMD/gw-1", 1, false, append([]byte{0x12, byte(len(metric))}, metric...)).Wait()
	h.next("NBIRTH/gw-1", `"seq":"0"`)
	h.next("DBIRTH/gw-1/a", `"seq":"1"`, `"doubleValue":1`)

	line.cut()
	number := first[strings.Index(first, `"longValue"`):]
	number = number[:strings.Index(number, "}")]
	if death := h.next("NDEATH/gw-1", `"name":"bdSeq"`, number); strings.Contains(death, `"seq"`) {
		t.Errorf("a death has no seq: %s", death)
	}
	if again := h.next("NBIRTH/gw-1"); strings.Contains(again, number) {
		t.Errorf("a birth with the number of the life before: %s", again)
	}
	h.next("DBIRTH/gw-1/a")
	close(in)
	h.next("NDEATH/gw-1")
	run.Wait()
}

// FuzzValues: whatever a reading holds, a host can read it, and a value that is none is never one.
func FuzzValues(f *testing.F) {
	f.Add(1.5, uint8(2), uint8(0), "W")
	f.Add(math.NaN(), uint8(0), uint8(1), "")
	f.Add(math.Inf(1), uint8(2), uint8(0), "°C")
	payload := message(f)
	f.Fuzz(func(t *testing.T, v float64, quality, reason uint8, unit string) {
		b := sparkplug.Birth(device.Point{Name: "p", Unit: strings.ToValidUTF8(unit, "?")}, 1,
			device.Reading{Value: v, Quality: device.Quality(quality % 3), Reason: device.Reason(reason), Time: time.UnixMilli(1)})
		msg := dynamicpb.NewMessage(payload)
		if err := proto.Unmarshal(b, msg); err != nil {
			t.Fatal(err)
		}
		text := protojson.Format(msg)
		if none := quality%3 == 0 || math.IsNaN(v) || math.IsInf(v, 0); none == strings.Contains(text, "doubleValue") {
			t.Errorf("%v quality %d: %s", v, quality%3, text)
		}
	})
}

// FuzzCommand: no bytes of a stranger's end the gateway, and what the protobuf library reads otherwise asks for nothing.
func FuzzCommand(f *testing.F) {
	f.Add([]byte{0x12, 0x05, 0x0a, 0x14})
	f.Add(append([]byte{0x12, 24, 0x0a, 20}, "Node Control/Rebirthp\x01"...))
	payload := message(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		msg := dynamicpb.NewMessage(payload)
		if sparkplug.WantsRebirth(b) && proto.Unmarshal(b, msg) == nil && !strings.Contains(prototext.Format(msg), "Node Control/Rebirth") {
			t.Errorf("a rebirth out of %q", b)
		}
	})
}
