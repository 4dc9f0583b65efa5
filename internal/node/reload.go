package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"millrace/cache"
	"millrace/internal/admin"
)

// Reloadable lets the configuration be read anew while n runs: first is what it was made from, load reads all sources
// again, and level is the log's.
func (n *Node) Reloadable(first *Loaded, load func() (*Loaded, error), level *slog.LevelVar) {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	n.load, n.level, n.origins = load, level, first.Origins
}

// Reload reads the configuration anew and puts into force what can be while running: settings of tables and lifetimes, the
// log's level, what is told of requests, and certificates. A configuration that is wrong in any way changes nothing. What
// else was changed is named, and needs a restart.
func (n *Node) Reload(context.Context) (admin.Reloaded, error) {
	n.reloading.Lock()
	defer n.reloading.Unlock()
	done, err := n.reload()
	n.metrics.Reloads.Done(err == nil, time.Now())
	if err != nil {
		n.log.Error("configuration not reloaded; nothing was changed", "error", err)
		return admin.Reloaded{}, refuse(http.StatusUnprocessableEntity, err.Error(), "nothing was changed; mend it and reload again")
	}
	n.log.Info("configuration reloaded", "changed", done.Changed, "tables", done.Tables)
	if len(done.Restart) > 0 {
		n.log.Warn("settings were changed that need a restart", "settings", done.Restart)
	}
	return done, nil
}

// reload does the work of Reload; n.reloading is held. All that can fail comes before the first change.
func (n *Node) reload() (admin.Reloaded, error) {
	if n.load == nil {
		return admin.Reloaded{}, errors.New("this node was not started from a configuration that can be read again")
	}
	loaded, err := n.load()
	if err != nil {
		return admin.Reloaded{}, err
	}
	next := reloadable(n.current, loaded.Config)
	settings, err := cache.NewSettings(next.cacheTables())
	if err != nil {
		return admin.Reloaded{}, err
	}
	if n.certificate != nil {
		pair, err := readCertificate(next.TLS)
		if err != nil {
			return admin.Reloaded{}, err
		}
		n.certificate.use(next.TLS, pair)
	}
	done := admin.Reloaded{Changed: differences(n.current, next), Restart: differences(next, loaded.Config), Tables: []string{}}
	n.apply(next)
	for _, t := range n.guard.Reconfigure(settings) {
		done.Tables = append(done.Tables, t.Name)
	}
	n.current, n.origins = next, loaded.Origins
	return done, nil
}

// apply puts into force what needs no more than a word.
func (n *Node) apply(c Config) {
	n.metrics.HotKeys.Configure(c.Metrics.HotKeys != "off", c.Metrics.HotKeys == "plain")
	n.metrics.Slow.Configure(c.Metrics.SlowThreshold.Of())
	if n.level != nil {
		// The level was checked.
		_ = n.level.UnmarshalText([]byte(c.Log.Level))
	}
}

// reloadable is old with those settings of next that can be put into force while running.
func reloadable(old, next Config) Config {
	out := old
	out.Tables, out.Metrics, out.Log.Level = next.Tables, next.Metrics, next.Log.Level
	out.Audit.Sample = next.Audit.Sample
	out.Cache.ItemTTL, out.Cache.QueryTTL, out.Cache.NegativeTTL = next.Cache.ItemTTL, next.Cache.QueryTTL, next.Cache.NegativeTTL
	if old.TLS.enabled() && next.TLS.enabled() {
		out.TLS = next.TLS
	}
	return out
}

// differences are the names of the settings that differ, sorted.
func differences(a, b Config) []string {
	before, after := leaves(a), leaves(b)
	names := []string{}
	for name := range maps.Keys(before) {
		if before[name] != after[name] {
			names = append(names, name)
		}
	}
	for name := range after {
		if _, had := before[name]; !had {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// leaves are the texts of all settings that are not zero, those under globs too, by name.
func leaves(c Config) map[string]string {
	out := map[string]string{}
	collectLeaves(reflect.ValueOf(&c).Elem(), "", out)
	return out
}

// collectLeaves is leaves for struct v.
func collectLeaves(v reflect.Value, prefix string, out map[string]string) {
	for f, field := range v.Fields() {
		name := f.Tag.Get("yaml")
		switch {
		case name == "-" || name == "":
		case field.Kind() == reflect.Map:
			for key, element := range field.Seq2() {
				settings := reflect.New(element.Type()).Elem()
				settings.Set(element)
				at := fmt.Sprintf("%s%s.%s", prefix, name, key)
				out[at] = "" // a glob without settings is one too
				if settings.Kind() == reflect.Struct {
					collectLeaves(settings, at+".", out)
				} else {
					out[at] = fmt.Sprint(settings)
				}
			}
		case field.Kind() == reflect.Struct && !isSetting(field):
			collectLeaves(field, prefix+name+".", out)
		case !field.IsZero():
			out[prefix+name] = textOf(field)
		}
	}
}
