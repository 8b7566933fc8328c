package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"umlab/harness/fetch"
	"umlab/harness/pattern"
	"umlab/harness/settings"
	"umlab/harness/store"
)

const (
	// maxManifests bounds the list of manifests, in bytes: in ten years, it came to
	// two million.
	maxManifests = 64 << 20
	// maxProbes bounds the days that a server without such a list is asked for.
	maxProbes = 2000
)

// rustups are the days on which the channel was published, each with the C side
// of base.
func (p *Provider) rustups(ctx context.Context, s settings.Series, base settings.Toolchain) (list []Member, notes []string, err error) {
	days, notes, err := p.channelDays(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	var stamps []string
	for _, d := range days {
		stamps = append(stamps, strings.ReplaceAll(d, "-", ""))
	}
	for _, stamp := range spaced(stamps, s.Every) {
		day := stamp[:4] + "-" + stamp[4:6] + "-" + stamp[6:]
		spec := base.With(nil, nil, settings.RustPackages)
		spec.Rustup, spec.RustSrc, spec.Server = s.Channel+"-"+day, srcComponent, s.Server
		spec.Parts = map[string]string{"rust": "rustup " + spec.Rustup, "c": s.C, "bindgen": s.C}
		list = append(list, Member{Version: day, Detail: "rustup " + spec.Rustup, Spec: spec})
	}
	return list, notes, nil
}

// publishedDays is an answer to the question which days there are.
type publishedDays struct {
	Days  []string  `json:"days"`
	Asked time.Time `json:"asked"`
}

// channelDays asks rustup's server on which days the channel was published,
// from s.From on, oldest first. An answer stands for a day; where the server
// cannot be reached, also longer.
func (p *Provider) channelDays(ctx context.Context, s settings.Series) (days, notes []string, err error) {
	server := p.distServer(s.Server)
	if server == "" {
		return nil, nil, errors.New("it has no server: write server = \"https://…\" in configs/toolchains.toml, or set RUSTUP_DIST_SERVER")
	}
	key := store.Key("days", server, s.Channel, s.From)
	var was publishedDays
	known := p.Store.Get(kindRustup, key, &was)
	if known && p.Archive.Stands(was.Asked) {
		return was.Days, nil, nil
	}
	task := p.Sink.Start("ask which days rustup has of "+s.Channel, "", 0)
	days, err = p.askDays(ctx, server, s.Channel, s.From)
	task.Done(err)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case err != nil && known && !p.Archive.Refresh:
		notes = append(notes, fmt.Sprintf("rustup's server could not be asked; which days it had on %s stands",
			was.Asked.UTC().Format(time.DateOnly)))
		return was.Days, notes, nil
	case err != nil:
		return nil, nil, fmt.Errorf("ask rustup's server on which days there was a %s: %w", s.Channel, err)
	case len(days) == 0:
		return nil, nil, fmt.Errorf("%s has no %s from %s on", server, s.Channel, s.From)
	}
	return days, nil, p.Store.Put(kindRustup, key, publishedDays{days, p.Archive.Now()})
}

// rustupFile is a file of a server of rustup's, which may be a directory: rustup
// takes file:// as well.
func rustupFile(address string) fetch.File {
	return fetch.File{From: strings.TrimPrefix(address, "file://"), Advice: fetch.Advice{
		Elsewhere: "set RUSTUP_DIST_SERVER to a mirror that can be reached",
		Missing:   "check the address",
		Wrong:     "it is not what the toolchain's manifest names; nothing of it was used",
	}}
}

// askDays reads the server's list of manifests; a server without one is asked
// for each day.
func (p *Provider) askDays(ctx context.Context, server, channel, from string) ([]string, error) {
	if u, err := url.Parse(server); err != nil || !slices.Contains([]string{"https", "http", "file"}, u.Scheme) {
		return nil, fmt.Errorf("%q is no address of rustup's files: it begins with https://, http:// or file://", server)
	}
	list, err := p.HTTP.Bytes(ctx, rustupFile(server+"/manifests.txt"), maxManifests)
	var status *fetch.StatusError
	switch {
	case err == nil:
		return manifestDays(string(list), channel, from), nil
	case !errors.Is(err, fs.ErrNotExist) && !(errors.As(err, &status) && status.Missing()):
		return nil, err
	}
	if from == "" {
		return nil, fmt.Errorf("%s has no manifests.txt to read them from: "+
			"set from = \"YYYY-MM-DD\", so that it can be asked for each day since", server)
	}
	first, err := time.Parse(time.DateOnly, from)
	if err != nil {
		return nil, err
	}
	now := p.Archive.Now().UTC()
	if n := int(now.Sub(first).Hours() / 24); n > maxProbes {
		return nil, fmt.Errorf("%s has no manifests.txt, and since %s there were %d days to ask for: set a later from", server, from, n)
	}
	ask, asking := errgroup.WithContext(ctx)
	ask.SetLimit(8)
	var published []bool
	for d := first; !d.After(now); d = d.AddDate(0, 0, 1) {
		published = append(published, false)
	}
	for i := range published {
		address := server + "/dist/" + first.AddDate(0, 0, i).Format(time.DateOnly) + "/channel-rust-" + channel + ".toml.sha256"
		ask.Go(func() (err error) {
			published[i], err = p.HTTP.Exists(asking, rustupFile(address))
			return err
		})
	}
	if err := ask.Wait(); err != nil {
		return nil, err
	}
	var days []string
	for i, yes := range published {
		if yes {
			days = append(days, first.AddDate(0, 0, i).Format(time.DateOnly))
		}
	}
	return days, nil
}

// manifest is a line of a server's manifests.txt: the address of a channel's
// manifest, which may go without "https://".
var manifest = pattern.New(`(?:^|/)dist/([0-9]{4}-[0-9]{2}-[0-9]{2})/channel-rust-([a-z]+)\.toml$`)

// manifestDays are the days, from the given one on, of which the list has a
// manifest of the channel, oldest first.
func manifestDays(list, channel, from string) (days []string) {
	for line := range strings.Lines(list) {
		m := manifest.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[2] != channel || m[1] < from {
			continue
		}
		if _, err := time.Parse(time.DateOnly, m[1]); err == nil {
			days = append(days, m[1])
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}
