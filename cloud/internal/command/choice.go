package command

import (
	"cmp"
	"context"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// A Choice is one value that a person may ask for from afar.
type Choice struct {
	Point string  `json:"point"`
	Value float64 `json:"value"`
	Away  bool    `json:"away" doc:"away from safe: a second person must approve it"`
}

// Choices answers what can be asked of a device, toward safe first; nothing of one that cannot be moved. A gas valve is only
// ever shut from afar.
func Choices(ctx context.Context, q db.Querier, gateway, device string) ([]Choice, error) {
	d, err := org.OneDevice(ctx, q, gateway, device)
	if err != nil {
		return nil, err
	}
	outputs, err := org.OutputsOf(ctx, q, gateway, device)
	if err != nil {
		return nil, err
	}
	list := []Choice{}
	for point, o := range outputs {
		for _, v := range o.Allowed {
			if d.Kind == kindValve && v != 0 {
				continue
			}
			list = append(list, Choice{point, v, o.Safe == nil || *o.Safe != v})
		}
	}
	slices.SortFunc(list, func(a, b Choice) int {
		if a.Away != b.Away {
			if a.Away {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(a.Point, b.Point), cmp.Compare(a.Value, b.Value))
	})
	return list, nil
}
