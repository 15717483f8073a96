package line_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// A world knows the truth: what stands at a place is made of the place and of how many requests were answered so far, so
// that a value of another place, or of another time, is seen to be one.
type world struct {
	generation uint32
	moved      []order // by writes, in turn
}

// An order is a coil that a device has set.
type order struct {
	unit byte
	addr uint16
	on   bool
}

// mix is the number at a place, after so many answers.
func mix(place uint64, generation uint32) uint64 {
	x := place*0x9E3779B97F4A7C15 ^ uint64(generation)*0xD6E8FEB86659FD93
	x ^= x >> 32
	x *= 0xD6E8FEB86659FD93
	return x ^ x>>29
}

// timeout of all trials.
const timeout = 300 * time.Millisecond

// A trial is one driver on one kind of line.
type trial struct {
	name    string
	sound   bool          // see linetest.Rough
	latest  time.Duration // see linetest.Rough
	char    time.Duration // of one character
	writes  bool          // coils are set too
	beyond  bool          // what happens is more than the driver promises to withstand
	devices func(w *world) linetest.Devices
	open    func(r *linetest.Rough, ch device.Channel) (device.Conn, error)
	lists   [][]device.Point // what is read in one call; drawn at random
	truth   func(p device.Point, generation uint32) float64
}

func trials() []trial {
	all := []trial{
		{name: "modbus-tcp", sound: true, latest: 20 * timeout, open: func(r *linetest.Rough, ch device.Channel) (device.Conn, error) {
			d := modbus.TCP{Dial: func(context.Context, string, string) (net.Conn, error) { return r.Dial(), nil }}
			return d.Open(context.Background(), ch)
		}},
		{name: "modbus-rtu", open: func(r *linetest.Rough, ch device.Channel) (device.Conn, error) {
			return modbus.RTU{}.On(line.OpenRough(r, ch)), nil
		}},
		{name: "rtu-over-tcp", open: func(r *linetest.Rough, ch device.Channel) (device.Conn, error) {
			p, err := line.OpenOver(context.Background(), ch, func(context.Context) (net.Conn, error) { return r.Dial(), nil })
			if err != nil {
				return nil, err
			}
			return modbus.RTU{}.On(p), nil
		}},
		{name: "dlt645", open: func(r *linetest.Rough, ch device.Channel) (device.Conn, error) {
			return serial.DLT645{}.On(line.OpenRough(r, ch)), nil
		}},
		{name: "cjt188", open: func(r *linetest.Rough, ch device.Channel) (device.Conn, error) {
			return serial.CJT188{}.On(line.OpenRough(r, ch)), nil
		}},
	}
	for i := range all {
		t := &all[i]
		t.char = time.Second * 10 / 9600
		switch t.name {
		case "dlt645":
			t.devices, t.lists, t.truth = func(w *world) linetest.Devices { return &meters645{world: w} }, points645(), truth645
		case "cjt188":
			t.devices, t.lists, t.truth = func(w *world) linetest.Devices { return &meters188{world: w} }, points188(), truth188
		default:
			t.writes = true
			t.devices, t.lists, t.truth = func(w *world) linetest.Devices { return &slaves{world: w, tcp: t.sound} }, pointsModbus(), truthModbus
		}
	}
	return all
}

// An outcome is what a trial came to.
type outcome struct {
	Driver       string         `json:"driver"`
	Transactions int            `json:"transactions"`
	Good         int            `json:"good"`
	Bad          int            `json:"bad"`
	Wrong        int            `json:"wrong"`
	Old          int            `json:"-"`            // wrong ones that once stood in the right register
	Forged       int            `json:"undetectable"` // wrong values whose frame got right check bytes by damage
	Reopened     int            `json:"reopened"`
	Confirmed    int            `json:"writes_confirmed"`
	Refused      int            `json:"writes_not_confirmed"`
	Lied         int            `json:"writes_confirmed_wrongly"`
	Faults       map[string]int `json:"faults"`
}

// Whatever happens on a line, a good value is what stood in the register that was asked for, at a moment between the question and
// the answer.
func TestBusFaults(t *testing.T) {
	runs, seed := 2_500, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("LINSHAO_PROOF_RUNS")); err == nil {
		runs = n
	}
	if n, err := strconv.ParseUint(os.Getenv("LINSHAO_PROOF_SEED"), 10, 64); err == nil {
		seed = n
	}
	var all []outcome
	for _, x := range trials() {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := x.run(t, runs, seed)
				all = append(all, o)
				if o.Good < o.Bad/3 {
					t.Errorf("%d values were good and %d bad: the faults hide the test", o.Good, o.Bad)
				}
				if o.Forged > 2+runs/5_000 {
					t.Errorf("%d of %d values were damaged with right check bytes: more than check bytes explain", o.Forged, o.Good)
				}
			})
		})
	}
	result, err := json.Marshal(map[string]any{"proof": "bus_faults", "seed": seed, "drivers": all})
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LINSHAO_PROOF_RUNS") != "" {
		fmt.Println("proof: " + string(result))
	}
}

// Answers that are later than twice the time-out, but on the same connection. On TCP they are known by their number. A meter
// names what it answers, so that the value is of the right register, but may be old. Modbus RTU names no register: there a
// value of another one may be shown, which is why the time-out must be longer than half of what a device ever needs.
func TestLaterThanPromised(t *testing.T) {
	for _, x := range trials() {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x.beyond, x.latest = true, 8*timeout
				o := x.run(t, 2_000, 2)
				switch x.name {
				case "modbus-tcp":
					if o.Wrong > 0 {
						t.Errorf("%d values are wrong", o.Wrong)
					}
				case "dlt645", "cjt188":
					if o.Wrong > o.Old {
						t.Errorf("%d of %d wrong values never stood in the register that was asked for", o.Wrong-o.Old, o.Wrong)
					}
				}
			})
		})
	}
}

// A meter that nobody asked speaks first, and long enough for an answer. The one that was asked is waited for all the same, so
// that its answer does not come when the next is asked.
func TestAnAnswerBehindAnotherMeters(t *testing.T) {
	for _, x := range trials()[3:] {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				points := x.lists[0]
				stranger, right := reply645(9, points[0].Register.Addr), reply645(1, points[0].Register.Addr)
				if x.name == "cjt188" {
					stranger, right = reply188(9, points[0].Register.Addr), reply188(1, points[0].Register.Addr)
				}
				r := &linetest.Rough{}
				conn, err := x.open(r, device.Channel{Serial: device.Serial{Baud: 9600}, Timeout: timeout})
				if err != nil {
					t.Fatal(err)
				}
				r.Play(20*time.Millisecond, string(stranger)+string(stranger))
				r.Play(200*time.Millisecond, string(right))
				if rs, err := conn.Read(t.Context(), points[:1]); err != nil || rs[0].Quality != device.Good || rs[0].Value != x.truth(points[0], 1) {
					t.Errorf("got %+v %v", rs, err)
				}
				r.Play(20*time.Millisecond, string(stranger)+string(stranger))
				if rs, err := conn.Read(t.Context(), points[:1]); err != nil || rs[0].Reason != device.Mismatch {
					t.Errorf("a stranger alone: got %+v %v", rs, err)
				}
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// run plays until so many requests were made.
func (x trial) run(t *testing.T, requests int, seed uint64) outcome {
	w := &world{}
	r := &linetest.Rough{Rand: rand.New(rand.NewPCG(seed, uint64(len(x.name)))), Devices: x.devices(w), Timeout: timeout, Latest: x.latest, Char: x.char, Sound: x.sound}
	ch := device.Channel{ID: "rs485", Serial: device.Serial{Baud: 9600, Parity: device.ParityNone}, Timeout: r.Timeout}
	o := outcome{Driver: x.name}
	for r.Carried() < requests && (x.beyond || o.Wrong < 5) {
		r.Echoing = !x.sound && o.Reopened%3 == 2
		conn, err := x.open(r, ch)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil && r.Carried() < requests && (x.beyond || o.Wrong < 5) {
			if x.writes && r.IntN(6) == 0 {
				x.write(t, &o, r, w, conn)
				continue
			}
			points := x.lists[r.IntN(len(x.lists))]
			var readings []device.Reading
			before := w.generation
			r.Mark()
			if readings, err = conn.Read(t.Context(), points); err == nil {
				x.judge(t, &o, r, w, before, points, readings)
			}
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		o.Reopened++
	}
	o.Transactions, o.Faults = r.Carried(), r.Faults()
	t.Logf("%+v", o)
	return o
}

// write sets a coil. When the driver says that the device has confirmed it, the device has done it.
func (x trial) write(t *testing.T, o *outcome, r *linetest.Rough, w *world, conn device.Conn) {
	want := order{byte(1 + r.IntN(4)), 0x400 + uint16(r.IntN(2)), r.IntN(2) == 0}
	p := device.Point{Address: fmt.Sprint(want.unit), Writable: []float64{0, 1}, Register: device.Register{Space: "coil", Addr: uint32(want.addr), Type: "bool"}}
	value, before := 0.0, len(w.moved)
	if want.on {
		value = 1
	}
	if conn.Write(t.Context(), p, value) != nil {
		o.Refused++ // when the line is gone, the next read says so
		return
	}
	o.Confirmed++
	if !slices.Contains(w.moved[before:], want) && !x.beyond {
		o.Lied++
		t.Errorf("request %d: %+v was confirmed and never done: %s", r.Carried(), want, r.Story())
	}
}

// judge compares readings with what stood in the registers since before.
func (x trial) judge(t *testing.T, o *outcome, r *linetest.Rough, w *world, before uint32, points []device.Point, readings []device.Reading) {
	for i, p := range points {
		if readings[i].Quality != device.Good {
			o.Bad++
			continue
		}
		right := false
		for g := before + 1; g <= w.generation; g++ {
			right = right || readings[i].Value == x.truth(p, g)
		}
		switch {
		case right:
			o.Good++
		case r.Forged():
			o.Forged++
		default:
			o.Wrong++
			for g := before; g > 0; g-- {
				if readings[i].Value == x.truth(p, g) {
					o.Old++
					break
				}
			}
			if x.beyond {
				continue
			}
			t.Errorf("request %d: %s %s says %v, which never stood there: %s", r.Carried(), p.Address, p.Name, readings[i].Value, r.Story())
		}
	}
}
