package street

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
)

// Outline is the street's shape and where its compounds lie, as GeoJSON for `cloud org outline`. The place is made up.
func Outline(seed uint64, sites int) ([]byte, error) {
	const lon, lat, wide = 113.1, 29.36, 0.03
	type geometry struct {
		Type        string `json:"type"`
		Coordinates any    `json:"coordinates"`
	}
	type feature struct {
		Type       string            `json:"type"`
		Properties map[string]string `json:"properties"`
		Geometry   geometry          `json:"geometry"`
	}
	r := rand.New(rand.NewPCG(seed, 1<<41))
	radius := make([]float64, 36)
	for i := range radius {
		radius[i] = wide * (0.82 + 0.18*r.Float64())
	}
	at := func(angle, share float64) [2]float64 {
		around := angle / (2 * math.Pi) * float64(len(radius))
		i := int(around) % len(radius)
		reach := radius[i] + (radius[(i+1)%len(radius)]-radius[i])*(around-math.Floor(around))
		round := func(v float64) float64 { return math.Round(v*1e6) / 1e6 }
		return [2]float64{round(lon + 1.3*share*reach*math.Cos(angle)), round(lat + 0.8*share*reach*math.Sin(angle))}
	}
	var ring [][2]float64
	for i := range radius {
		ring = append(ring, at(2*math.Pi*float64(i)/float64(len(radius)), 1))
	}
	all := []feature{{"Feature", map[string]string{"node": "yunfeng"}, geometry{"Polygon", [][][2]float64{append(ring, ring[0])}}}}
	place := func(site string, angle, share float64) {
		all = append(all, feature{"Feature", map[string]string{"site": site}, geometry{"Point", at(angle, share)}})
	}
	for _, s := range plan(seed, sites) { // a community is a sector
		place(s.id, 2*math.Pi*(float64(s.grid)+0.8*r.Float64())/150, math.Sqrt(0.04+0.8*r.Float64()))
	}
	place("jinxiu", 0.3, 0.1)
	place("cuihu", 3.5, 0.12)
	text, err := json.Marshal(map[string]any{"type": "FeatureCollection", "features": all})
	if err != nil {
		return nil, fmt.Errorf("write outline: %w", err)
	}
	return text, nil
}
