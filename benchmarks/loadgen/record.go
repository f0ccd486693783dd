package main

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

const sliceLength = 100 * time.Millisecond

// histogram counts durations in buckets that are 1/2^precision of their value wide.
type histogram struct {
	precision int
	counts    []atomic.Uint32
	maximum   atomic.Int64
}

const largest = 1<<27 - 1 // microseconds, about 134 s; longer ones count as this

func newHistogram(precision int) *histogram {
	h := &histogram{precision: precision}
	h.counts = make([]atomic.Uint32, h.bucket(largest)+1)
	return h
}

func (h *histogram) bucket(value uint64) int {
	shift := max(bits.Len64(value)-1-h.precision, 0)
	return shift<<h.precision + int(value>>shift)
}

// upper returns the largest value of a bucket.
func (h *histogram) upper(bucket int) uint64 {
	shift := max(bucket>>h.precision-1, 0)
	return uint64(bucket-shift<<h.precision+1)<<shift - 1
}

func (h *histogram) add(taken time.Duration) {
	micros := min(max(taken.Microseconds(), 0), largest)
	h.counts[h.bucket(uint64(micros))].Add(1)
	for {
		before := h.maximum.Load()
		if micros <= before || h.maximum.CompareAndSwap(before, micros) {
			return
		}
	}
}

// quantiles returns values that the given shares, in rising order, do not exceed, in ms; nil when
// nothing was counted.
func (h *histogram) quantiles(shares ...float64) []float64 {
	var total uint64
	for i := range h.counts {
		total += uint64(h.counts[i].Load())
	}
	if total == 0 {
		return nil
	}
	found := make([]float64, 0, len(shares))
	var seen uint64
	for i := range h.counts {
		seen += uint64(h.counts[i].Load())
		for len(found) < len(shares) && float64(seen) >= shares[len(found)]*float64(total) {
			micros := min(h.upper(i), uint64(h.maximum.Load()))
			found = append(found, float64(micros)/1e3)
		}
	}
	return found
}

// Latency is a histogram as it is reported, ms.
type Latency struct {
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

func (h *histogram) latency() *Latency {
	found := h.quantiles(0.5, 0.95, 0.99, 0.999)
	if found == nil {
		return nil
	}
	return &Latency{found[0], found[1], found[2], found[3], float64(h.maximum.Load()) / 1e3}
}

// stepRecord counts the calls that were due within one step.
type stepRecord struct {
	arrivals, notSent, sent, items, finished atomic.Int64
	ok, response, refused                    *histogram
	lock                                     sync.Mutex
	answers                                  map[string]int64
}

type sliceRecord struct {
	ok, failed atomic.Int64
	response   *histogram
}

// recorder counts what became of the calls of one flow. Moments are durations since the start.
type recorder struct {
	ends   []time.Duration
	steps  []*stepRecord
	slices []sliceRecord
}

func newRecorder(steps []Step) *recorder {
	r := &recorder{}
	var end time.Duration
	for _, step := range steps {
		end += step.length()
		r.ends = append(r.ends, end)
		r.steps = append(r.steps, &stepRecord{
			ok:       newHistogram(7),
			response: newHistogram(7),
			refused:  newHistogram(7),
			answers:  map[string]int64{},
		})
	}
	r.slices = make([]sliceRecord, end/sliceLength+1)
	for i := range r.slices {
		r.slices[i].response = newHistogram(4)
	}
	return r
}

// step returns the step that a moment is in; nil after the last.
func (r *recorder) step(at time.Duration) *stepRecord {
	for i, end := range r.ends {
		if at < end {
			return r.steps[i]
		}
	}
	return nil
}

func (r *recorder) arrived(due time.Duration) { r.step(due).arrivals.Add(1) }

// heldBack counts a call that was due and could not be sent.
func (r *recorder) heldBack(due time.Duration) {
	r.step(due).notSent.Add(1)
	r.slices[due/sliceLength].failed.Add(1)
}

// answered counts the answer to a call of some items: its key is "OK" or the status and reason.
func (r *recorder) answered(key string, items int64, due, sent, now time.Duration) {
	step, slice := r.step(due), &r.slices[due/sliceLength]
	step.sent.Add(1)
	if key == "OK" {
		step.ok.add(now - sent)
		step.response.add(now - due)
		step.items.Add(items)
		slice.ok.Add(1)
		slice.response.add(now - due)
		if current := r.step(now); current != nil {
			current.finished.Add(items)
		}
	} else {
		step.refused.add(now - sent)
		slice.failed.Add(1)
	}
	step.lock.Lock()
	step.answers[key]++
	step.lock.Unlock()
}

// failedItem counts an item of a stream that the server could not store.
func (r *recorder) failedItem(now time.Duration) {
	step := r.steps[len(r.steps)-1]
	if current := r.step(now); current != nil {
		step = current
	}
	step.lock.Lock()
	step.answers["ITEM_FAILED"]++
	step.lock.Unlock()
}

// StepResult is what became of the calls that were due within one step.
type StepResult struct {
	Seconds  float64          `json:"seconds"`
	Arrivals int64            `json:"arrivals"`
	NotSent  int64            `json:"not_sent"`
	Sent     int64            `json:"sent"`
	Items    int64            `json:"ok_items"`
	PerS     float64          `json:"ok_items_per_s"`
	Answers  map[string]int64 `json:"answers"`
	OK       *Latency         `json:"ok_ms"`
	Response *Latency         `json:"ok_from_due_ms"`
	Refused  *Latency         `json:"refused_ms"`
}

// Series is one value for each tenth of a second in which calls were due.
type Series struct {
	OK     []int64    `json:"ok"`
	Failed []int64    `json:"failed"`
	P50    []*float64 `json:"p50_ms"`
}

func (r *recorder) results(steps []Step) ([]StepResult, Series) {
	results := make([]StepResult, len(r.steps))
	for i, step := range r.steps {
		results[i] = StepResult{
			Seconds:  steps[i].Seconds,
			Arrivals: step.arrivals.Load(),
			NotSent:  step.notSent.Load(),
			Sent:     step.sent.Load(),
			Items:    step.items.Load(),
			PerS:     float64(step.finished.Load()) / steps[i].Seconds,
			Answers:  step.answers,
			OK:       step.ok.latency(),
			Response: step.response.latency(),
			Refused:  step.refused.latency(),
		}
	}
	var series Series
	for i := range r.slices {
		slice := &r.slices[i]
		series.OK = append(series.OK, slice.ok.Load())
		series.Failed = append(series.Failed, slice.failed.Load())
		var p50 *float64
		if found := slice.response.quantiles(0.5); found != nil {
			p50 = &found[0]
		}
		series.P50 = append(series.P50, p50)
	}
	return results, series
}
