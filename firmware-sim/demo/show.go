package demo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// offAfter is when the second gateway is switched off, from the start of the demo: everything has been shown by 60 s.
const offAfter = 50 * time.Second

// Show is `make demo`: it builds, plays and tells the product until ctx ends or the person quits.
func Show(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	dir, err := os.MkdirTemp("", "linshao-demo-")
	if err != nil {
		return fmt.Errorf("make folder of the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	fmt.Fprintln(out, "邻哨 Linshao · 演示模式 demo: 数据为模拟，不连接任何外部服务 simulated data, loopback only")
	if o.Street > 0 {
		fmt.Fprintf(out, "虚拟 1 街道 / %d 小区 a made-up street of %d compounds\n", o.Street+2, o.Street+2)
	}
	bin := filepath.Join(dir, "bin")
	if err := Build(ctx, o.Repository, bin, out); err != nil {
		return err
	}
	begin := time.Now()
	o.Bin, o.Dir, o.Start = bin, dir, begin
	d, err := Start(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
  打开 open          %s
  物业手机 phone     %s/todo
  指挥中心 wall      %s/wall
  四张图 maps        %s/map
  安装调试 installer %s

  前 45 秒快放过去 7.5 小时（600 倍），之后为实时
  the first 45 s play the past 7.5 h at 600×, then time is real
  键 keys: u 拔/插上行 pull the uplink · g 停/启网关 stop the gateway · q 退出 quit (Ctrl-C)

`, d.URL, d.URL, d.URL, d.URL, d.Status)
	ctx, quit := context.WithCancel(ctx)
	defer quit()
	var parts sync.WaitGroup
	parts.Go(func() {
		if err := d.Tell(ctx, out); err != nil {
			fmt.Fprintln(out, err)
		}
	})
	parts.Go(func() { d.switchOff(ctx, begin, out) })
	go d.keys(in, out, quit) // reads until the terminal closes: nobody can wait for a key that never comes
	<-ctx.Done()
	fmt.Fprintln(out, "正在停止 stopping …")
	parts.Wait()
	return d.Stop()
}

func (d *Demo) switchOff(ctx context.Context, begin time.Time, out io.Writer) {
	timer := time.NewTimer(time.Until(begin.Add(offAfter)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		if err := d.StopGateway(Second); err != nil {
			fmt.Fprintln(out, err)
		}
	}
}

// keys carries out what the person types; a line each, so that no terminal mode has to be changed.
func (d *Demo) keys(in io.Reader, out io.Writer, quit func()) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		switch lines.Text() {
		case "u":
			d.Plug.Pull(!d.Plug.Pulled())
			if d.Plug.Pulled() {
				fmt.Fprintln(out, "上行已拔，读数留在网关 uplink pulled: readings stay in the gateway. u 插回 plugs it in")
			} else {
				fmt.Fprintln(out, "上行已插回，正在补传 uplink back: catching up")
			}
		case "g":
			d.toggleGateway(out)
		case "q":
			quit()
			return
		}
	}
}

func (d *Demo) toggleGateway(out io.Writer) {
	if d.Running(First) {
		fmt.Fprintln(out, "停止网关 stopping the gateway …")
		if err := d.StopGateway(First); err != nil {
			fmt.Fprintln(out, err)
		}
		return
	}
	if err := d.StartGateway(First); err != nil {
		fmt.Fprintln(out, err)
		return
	}
	fmt.Fprintln(out, "网关已启动 gateway started")
}
