// Command loadgen sends prepared messages to a gRPC server on this machine, checks the status of
// every answer, and reports counts and latencies.
//
// It reads a plan as JSON from standard input and writes results as JSON to standard output. A plan
// is a list of flows that run side by side, each with its own connections. A flow is a closed loop
// unless its steps have rates; then calls are due at random moments (a Poisson process), whether or
// not earlier ones were answered. Nothing is retried, except that grpc itself repeats a call once
// that the server's transport has refused without looking at it.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// Step is a part of a flow.
type Step struct {
	Seconds float64 `json:"seconds"`
	// Calls a second; absent in a closed loop.
	Rate *float64 `json:"rate"`
}

func (s Step) length() time.Duration { return time.Duration(s.Seconds * float64(time.Second)) }

// Flow is calls of one method, or streams of IngestMemories.
type Flow struct {
	Name     string `json:"name"`
	Target   string `json:"target"`
	Method   string `json:"method"`
	Messages string `json:"messages"`
	// Sent with the calls in turn.
	Metadata    []map[string]string `json:"metadata"`
	Connections int                 `json:"connections"`
	// Calls on one connection at once; batches on one stream that are not acknowledged.
	InFlight int `json:"in_flight"`
	// Calls that are due and may wait for a free place; more are counted as not sent.
	Queue     int     `json:"queue"`
	DeadlineS float64 `json:"deadline_s"`
	Steps     []Step  `json:"steps"`
	// The method has a stream of responses.
	ServerStream bool `json:"server_stream"`
	// First messages of streams of IngestMemories, one a stream; none for other calls.
	Opens [][]byte `json:"opens"`
	// Memories in one batch of a stream.
	BatchItems int64 `json:"batch_items"`
}

// Result is what became of a flow.
type Result struct {
	Name   string       `json:"name"`
	Steps  []StepResult `json:"steps"`
	Series Series       `json:"every_100_ms"`
}

func main() {
	limit := flag.Int("max-connections", 16, "connections of all flows together at most")
	flag.Parse()
	if err := run(os.Stdin, os.Stdout, *limit); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, limit int) error {
	debug.SetGCPercent(400)
	var plan struct {
		Flows []Flow `json:"flows"`
	}
	decoder := json.NewDecoder(in)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&plan); err != nil {
		return err
	}
	connections := 0
	for i := range plan.Flows {
		if err := plan.Flows[i].check(); err != nil {
			return fmt.Errorf("flow %q: %w", plan.Flows[i].Name, err)
		}
		connections += plan.Flows[i].Connections
	}
	if connections > limit {
		return fmt.Errorf("%d connections, at most %d", connections, limit)
	}
	flows := make([]*runner, len(plan.Flows))
	for i := range plan.Flows {
		var err error
		if flows[i], err = newRunner(&plan.Flows[i]); err != nil {
			return fmt.Errorf("flow %q: %w", plan.Flows[i].Name, err)
		}
		defer flows[i].close()
	}
	var group sync.WaitGroup
	start := time.Now()
	for _, flow := range flows {
		group.Go(func() { flow.run(start) })
	}
	group.Wait()
	results := make([]Result, len(flows))
	for i, flow := range flows {
		steps, series := flow.recorder.results(flow.Steps)
		results[i] = Result{flow.Name, steps, series}
	}
	return json.NewEncoder(out).Encode(results)
}

func (f *Flow) check() error {
	host, _, err := net.SplitHostPort(f.Target)
	if err != nil {
		return err
	}
	if address := net.ParseIP(host); address == nil || !address.IsLoopback() {
		return fmt.Errorf("%s is not a loopback address", host)
	}
	if f.Connections < 1 || f.InFlight < 1 || f.Queue < 0 || f.DeadlineS <= 0 {
		return fmt.Errorf("connections, in_flight and deadline_s are positive, queue is not negative")
	}
	if len(f.Steps) == 0 {
		return fmt.Errorf("no steps")
	}
	for _, step := range f.Steps {
		if step.Seconds <= 0 {
			return fmt.Errorf("a step takes more than 0 seconds")
		}
		if (step.Rate != nil) != f.open() || step.Rate != nil && *step.Rate < 0 {
			return fmt.Errorf("all steps have a rate of at least 0, or none has one")
		}
	}
	if len(f.Opens) > 0 && (f.open() || f.BatchItems < 1) {
		return fmt.Errorf("streams are closed loops and need batch_items")
	}
	return nil
}

// open tells whether calls are due at moments of their own.
func (f *Flow) open() bool { return f.Steps[0].Rate != nil }
