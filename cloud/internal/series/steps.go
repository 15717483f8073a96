package series

import (
	"context"
	"slices"
	"time"
)

// A Step lifts all readings from a time on: a meter was exchanged, and its counter goes on from the old one's.
type Step struct {
	At int64 // Unix ms
	By float64
}

// A Ranger answers the readings of one point.
type Ranger interface {
	Range(ctx context.Context, q Query) (Result, error)
}

// Stepped answers as a Ranger does, with its readings lifted by steps.
type Stepped struct {
	Ranger
	Steps []Step
}

// Range implements Ranger. A bucket in which both meters were summed up is asked for again, each part by itself.
func (s Stepped) Range(ctx context.Context, q Query) (Result, error) {
	res, err := s.Ranger.Range(ctx, q)
	if err != nil {
		return res, err
	}
	for _, step := range s.Steps {
		i := slices.IndexFunc(res.Buckets, func(b Bucket) bool { return b.First < step.At && b.Last >= step.At })
		if i < 0 {
			continue
		}
		var parts []Bucket
		for _, span := range [][2]int64{{res.Buckets[i].First, step.At - 1}, {step.At, res.Buckets[i].Last}} {
			part := q
			part.From, part.To, part.Max = time.UnixMilli(span[0]), time.UnixMilli(span[1]), 1
			of, err := s.Ranger.Range(ctx, part)
			if err != nil {
				return res, err
			}
			parts = append(parts, of.Buckets...)
		}
		res.Buckets = slices.Replace(res.Buckets, i, i+1, parts...)
	}
	for i := range res.Buckets {
		for _, step := range s.Steps {
			if b := &res.Buckets[i]; b.First >= step.At {
				b.Min, b.Max = b.Min+step.By, b.Max+step.By
			}
		}
	}
	return res, nil
}
