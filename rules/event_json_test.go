package rules_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/linshao/linshao/rules"
)

// TestAnUnknownValueSurvivesJSON: an alert that saw a value that nobody knew is written down all the same.
func TestAnUnknownValueSurvivesJSON(t *testing.T) {
	text, err := json.Marshal([]rules.Evidence{{Name: "capacity", Value: math.NaN()}, {Name: "power", Unit: "W", Value: 331}})
	if err != nil || !strings.Contains(string(text), `"Value":null`) {
		t.Fatal(string(text), err)
	}
	var back []rules.Evidence
	if err := json.Unmarshal(text, &back); err != nil || !math.IsNaN(back[0].Value) || back[0].Name != "capacity" || back[1] != (rules.Evidence{Name: "power", Unit: "W", Value: 331}) {
		t.Fatalf("%+v %v", back, err)
	}
}
