package app_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/app"
)

// TestEverySettingIsInTheShippedFile: each key that the configuration knows stands in configs/cloud.yaml, at work or as an example.
func TestEverySettingIsInTheShippedFile(t *testing.T) {
	text, err := os.ReadFile("../../configs/cloud.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found, seen := 0, map[reflect.Type]bool{}
	var look func(path string, of reflect.Type)
	look = func(path string, of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
			if !f.IsExported() || key == "-" {
				continue
			}
			if key != "" {
				found++
				if !regexp.MustCompile(`(?m)^[# ]*(- )?(([^:#\n]+: *)?[{\[].*)?\b` + regexp.QuoteMeta(key) + `:`).Match(text) {
					t.Errorf("%s.%s is not in configs/cloud.yaml: write it there with its meaning and its default", path, key)
				}
			}
			look(path+"."+key, f.Type)
		}
	}
	look("$", reflect.TypeFor[app.Config]())
	if found < 60 {
		t.Errorf("only %d keys were looked for", found)
	}
}
