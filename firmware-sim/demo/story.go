package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/street"
)

// incident is what the story tells of an incident of the cloud's stream.
type incident struct {
	ID        string `json:"id"`
	Site      string `json:"site"`
	SiteName  string `json:"siteName"`
	Place     string `json:"place"`
	Severity  string `json:"severity"`
	Title     text   `json:"title"`
	Message   text   `json:"message"`
	Condition string `json:"condition"`
	Handling  string `json:"handling"`
	TakenBy   string `json:"takenBy"`
}

type site struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Online bool   `json:"online"`
}

type text struct{ ZH, EN string }

// Tell prints what happens, one line an event, in the words of the page, until ctx ends.
func (d *Demo) Tell(ctx context.Context, out io.Writer) error {
	told := map[string]string{}
	for ctx.Err() == nil {
		if err := d.listen(ctx, func(kind string, data []byte) { tell(out, told, kind, data) }); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// listen reads the cloud's live stream until it ends.
func (d *Demo) listen(ctx context.Context, event func(kind string, data []byte)) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL+"/api/v1/stream", nil)
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	kind := ""
	for lines.Scan() {
		if k, ok := strings.CutPrefix(lines.Text(), "event:"); ok {
			kind = strings.TrimSpace(k)
		} else if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
			event(kind, []byte(strings.TrimSpace(data)))
		}
	}
	return nil
}

// tell prints an event unless it says what was said before.
func tell(out io.Writer, told map[string]string, kind string, data []byte) {
	key, line := "", ""
	switch kind {
	case "incident":
		var i incident
		if json.Unmarshal(data, &i) != nil {
			return
		}
		if street.Owns(i.Site) {
			return
		}
		key, line = i.ID, i.words()
	case "site":
		var s site
		if json.Unmarshal(data, &s) != nil {
			return
		}
		if street.Owns(s.ID) {
			return
		}
		key, line = s.ID, s.words()
		if told[key] == "" && s.Online {
			told[key] = line // being online is no news at first
		}
	}
	if line == "" || told[key] == line {
		return
	}
	told[key] = line
	fmt.Fprintf(out, "%s  %s\n", time.Now().Format("15:04:05"), line)
}

func (i incident) words() string {
	marks := map[string]string{"A": "◆ 紧急", "B": "▲ 重要", "C": "■ 一般"}
	what := marks[i.Severity] + " " + i.Message.ZH
	switch {
	case i.Handling == "closed":
		what = "✓ 已办结 " + i.Title.ZH
	case i.Handling == "handling":
		what = "→ " + i.TakenBy + " 已接警 " + i.Title.ZH
	case i.Condition == "recovered":
		what = "✓ 已恢复 " + i.Title.ZH
	}
	return fmt.Sprintf("%s · %s · %s", what, i.SiteName, i.ID)
}

func (s site) words() string {
	if s.Online {
		return "● 网关在线 online · " + s.Name
	}
	return "─ 网关离线 offline · " + s.Name
}
