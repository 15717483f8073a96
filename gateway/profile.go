package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/internal/config"
)

type profileCmd struct {
	List profileListCmd `cmd:"" help:"Print the device models that the gateway knows."`
	Show profileShowCmd `cmd:"" help:"Print the page of a model: every point, where it stands, its type, scale and unit, and the source of the map. Exit code: 0 printed, 1 the file has a mistake, 2 there is no such model, 3 cannot be read."`
	Test profileTestCmd `cmd:"" help:"Check profiles and play their golden values through the driver, on loopback. Exit code: 0 all right, 1 a finding, 2 there is no such file, 3 cannot be tested."`
}

// profileFiles are the profiles of a folder, or those shipped with the gateway; name is how a file is told of.
func profileFiles(folder string) (files fs.FS, names []string, err error) {
	if folder != "" {
		files = os.DirFS(folder)
	} else if files, err = fs.Sub(configs.FS, "profiles"); err != nil {
		return nil, nil, fmt.Errorf("find profiles: %w", err)
	}
	if names, err = fs.Glob(files, "*.yaml"); err != nil {
		return nil, nil, fmt.Errorf("find profiles: %w", err)
	}
	return files, names, nil
}

type profileListCmd struct {
	Folder string `arg:"" optional:"" type:"existingdir" help:"Folder of profiles. Default: those shipped."`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// listedModel is one line of the list.
type listedModel struct {
	Model    string     `json:"model"`
	Title    listedText `json:"title"`
	Kind     string     `json:"kind"`
	Protocol string     `json:"protocol"`
	Ports    int        `json:"ports"`
	Points   int        `json:"points"`
	Source   string     `json:"source"`
}

// Run prints the models.
func (c profileListCmd) Run(lang config.Language) error {
	files, names, err := profileFiles(c.Folder)
	if err != nil {
		return exit{exitDevice, err}
	}
	list, right := []listedModel{}, true
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return exit{exitDevice, fmt.Errorf("read profile: %w", err)}
		}
		m, problems := config.ReadModel(name, data, lang)
		printProblems(os.Stderr, lang, problems)
		if m == nil {
			right = false
			continue
		}
		list = append(list, listedModel{m.Name, listedText(m.Title), m.Kind, m.Protocol, m.Ports, len(m.Points), m.Source})
	}
	if c.JSON {
		return printed(list, right)
	}
	say := speaker(lang)
	rows := [][]string{{say("型号", "model"), say("名称", "title"), say("种类", "kind"), say("协议", "protocol"), say("点位", "points"), say("出处", "source")}}
	for _, m := range list {
		points := fmt.Sprint(m.Points)
		if m.Ports > 1 {
			points = fmt.Sprintf("%d×%d", m.Ports, m.Points)
		}
		rows = append(rows, []string{m.Model, say(m.Title.ZH, m.Title.EN), m.Kind, m.Protocol, points, m.Source})
	}
	printTable(os.Stdout, rows)
	if !right {
		return exit{code: exitFinding}
	}
	return nil
}

// readProfile reads a model by its name among those shipped, or by its file.
func readProfile(name string) (file string, data []byte, err error) {
	if strings.HasSuffix(name, ".yaml") {
		if data, err = os.ReadFile(name); err != nil {
			return "", nil, exit{exitUsage, fmt.Errorf("read profile: %w", err)}
		}
		return shorter(name), data, nil
	}
	files, names, err := profileFiles("")
	if err != nil {
		return "", nil, exit{exitDevice, err}
	}
	if data, err = fs.ReadFile(files, name+".yaml"); err != nil {
		for i, n := range names {
			names[i] = strings.TrimSuffix(n, ".yaml")
		}
		if near := configs.Nearest(name, names); near != "" {
			return "", nil, exit{exitUsage, fmt.Errorf("there is no model %q: did you mean %s?", name, near)}
		}
		return "", nil, exit{exitUsage, fmt.Errorf("there is no model %q: see gateway profile list", name)}
	}
	return filepath.Base(name + ".yaml"), data, nil
}
