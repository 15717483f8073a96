// Command bench prints the product's speed and memory, one JSON line a figure. It starts the real programs.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A figure is one measured number and what it is measured against.
type figure struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
	Better string  `json:"better"`
	Goal   float64 `json:"goal"`
	Note   string  `json:"note"`
}

// A group is figures that come from one run.
type group struct {
	figures  []string
	programs []string // that it starts
	run      func(ctx context.Context, bin, dir string) ([]figure, error)
}

var groups = [...]group{
	{[]string{"edge_cpu_s_per_mpoint", "edge_rss_mib", "edge_read_to_mqtt_ms_p99", "edge_bytes_per_point", "edge_cpu_vs_bare_sockets"},
		[]string{"./firmware-sim", "./gateway"}, edge},
	{[]string{"cloud_points_per_s_end_to_end", "cloud_cpu_s_per_mpoint", "cloud_share_of_store_alone"}, []string{"./cloud"}, endToEnd},
	{[]string{"cloud_embedded_points_per_s"}, []string{"./cloud"}, embedded},
	{[]string{"uplink_bytes_per_point", "uplink_watched_bytes_per_point"}, []string{"./firmware-sim", "./gateway", "./drivers/rtsp/driver-rtsp"}, quietUplink},
	{[]string{"rtu9600_cycle_over_wire_limit", "rtu9600_cycle_vs_one_request_per_register"}, nil, slowBus},
	{[]string{"tcp_max_points_per_s"}, nil, network},
	{[]string{"log_bytes_per_point", "log_mib_72h"}, nil, quota},
	{[]string{"log_append_records_per_s"}, nil, logAppend},
	{[]string{"recovery_ms_256mib"}, nil, recovery},
	{[]string{"replay_speed_x_realtime"}, nil, replaySpeed},
	{[]string{"uplink_50ms_rtt_delivered_ratio"}, nil, slowUplink},
	{[]string{"bus_jitter_with_dead_device"}, nil, busJitter},
	{[]string{"rule_readings_per_s_per_core", "rule_latency_us_p99"}, nil, ruleSpeed},
	{[]string{"camera_cpu_pct_per_1080p_stream", "camera_cpu_gortsplib_pct_per_1080p_stream", "camera_cpu_vdk_vs_gortsplib", "camera_rss_mib_per_stream", "clip_ready_ms_after_event_p99"},
		[]string{"./drivers/rtsp/driver-rtsp"}, video},
	{[]string{"camera_recover_s_after_reboot_p99"}, []string{"./drivers/rtsp/driver-rtsp"}, reboots},
	{pageNames(), []string{"./firmware-sim", "./gateway", "./cloud", "./drivers/rtsp/driver-rtsp"}, web},
	{[]string{wallFigure}, []string{"./firmware-sim", "./gateway", "./cloud", "./drivers/rtsp/driver-rtsp"}, wall},
}

func main() {
	only := flag.String("only", "", "measure the figure of this name alone")
	floor := flag.String("bare", "", "only ask the simulator of this ready file, and do nothing with its answers: the floor of edge_cpu")
	film := flag.String("film", "", "only play this film as cameras, at the address of -at")
	at := flag.String("at", "", "where -film is played, host:port")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *floor != "" {
		if err := bare(ctx, *floor); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return
	}
	if *film != "" {
		if err := serveFilm(ctx, *film, *at, cameras); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return
	}
	if err := bench(ctx, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench measures every group that has a wanted figure. One that fails does not keep the others from being measured.
func bench(ctx context.Context, only string) error {
	var failed error
	found := false
	for _, g := range groups {
		if only != "" && !slices.Contains(g.figures, only) {
			continue
		}
		found = true
		if err := g.measure(ctx, only); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	if !found {
		var names []string
		for _, g := range groups {
			names = append(names, g.figures...)
		}
		return fmt.Errorf("there is no figure %q; there are %s", only, strings.Join(names, ", "))
	}
	return failed
}

func (g group) measure(ctx context.Context, only string) error {
	dir, err := os.MkdirTemp("", "linshao-bench-")
	if err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if len(g.programs) > 0 {
		cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", bin + "/"}, g.programs...)...)
		cmd.Env, cmd.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build programs: %w", err)
		}
	}
	figures, err := g.run(ctx, bin, dir)
	if err != nil {
		return fmt.Errorf("measure %s: %w", g.figures[0], err)
	}
	for _, f := range figures {
		if only != "" && only != f.Name {
			continue
		}
		f.Value = math.Round(f.Value*1000) / 1000
		line, err := json.Marshal(struct {
			figure
			library
		}{f, libraryOf(f.Name, figures)})
		if err != nil {
			return fmt.Errorf("print figure: %w", err)
		}
		fmt.Println(string(line))
	}
	return nil
}
