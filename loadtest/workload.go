package loadtest

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// workloadFiles are the workloads that come with the program.
//
//go:embed workloads/*.yaml
var workloadFiles embed.FS

// Workload is what is asked, as its YAML file says it: tables, the items they begin with, and a mix of requests. See
// docs/LOADTEST.md for the format.
type Workload struct {
	// Name is the file's, without its ending.
	Name string `yaml:"-"`
	// About is a sentence for people.
	About  string           `yaml:"about"`
	Tables map[string]Table `yaml:"tables"`
	Items  map[string]Items `yaml:"items"`
	Mix    []Step           `yaml:"mix"`
}

// Table is a table's keys: an attribute is its name and its type, such as "id S".
type Table struct {
	Partition string           `yaml:"partition"`
	Sort      string           `yaml:"sort"`
	Indexes   map[string]Index `yaml:"indexes"`
	// TTL is the attribute with an item's end of life; empty for none.
	TTL string `yaml:"ttl"`
}

// Index is a secondary index; without a partition key of its own it is a local one.
type Index struct {
	Partition string `yaml:"partition"`
	Sort      string `yaml:"sort"`
	// KeysOnly projects the keys alone instead of all attributes.
	KeysOnly bool `yaml:"keys_only"`
}

// Items are the items of one kind, Partitions times Each of them. Keys and attributes are templates.
type Items struct {
	Table      string `yaml:"table"`
	Partition  string `yaml:"partition"`
	Sort       string `yaml:"sort"`
	Partitions int    `yaml:"partitions"`
	Each       int    `yaml:"each"`
	// Grows says what an insert makes new: a partition, or a sort key in an existing one.
	Grows string `yaml:"grows"`
	// Size is a whole item's in bytes: "400", "uniform 100 800" or "lognormal 400 4000", by median and 99th percentile.
	Size string `yaml:"size"`
	// Fields is how many attributes, field0 and on, share what of the size keys and Attributes leave.
	Fields int `yaml:"fields"`
	// Attributes have values as "S text" or "N number".
	Attributes map[string]string `yaml:"attributes"`
}

// Step is one kind of request in the mix.
type Step struct {
	// Do is one of the verbs.
	Do string `yaml:"do"`
	// Item is the kind of items it is about, Also further ones that a transaction touches in the same partition.
	Item string   `yaml:"item"`
	Also []string `yaml:"also"`
	// Weight is its share of the mix, relative to the others'.
	Weight float64 `yaml:"weight"`
	// Keys is a distribution.
	Keys       string `yaml:"keys"`
	Consistent bool   `yaml:"consistent"`
	// Count is how many items a batch or transaction has.
	Count int `yaml:"count"`
	// Index, Range, Limit, Descending and Project are a Query's; Range is "from", "prefix" or "between N". Limit is a size.
	Index      string `yaml:"index"`
	Range      string `yaml:"range"`
	Limit      string `yaml:"limit"`
	Descending bool   `yaml:"descending"`
	Project    string `yaml:"project"`
	// Set and Add are what an update does: attributes that get a new text, and numbers to be raised by one.
	Set []string `yaml:"set"`
	Add []string `yaml:"add"`
	// Condition is a write's, without placeholders.
	Condition string `yaml:"condition"`
}

// WorkloadNames are the workloads that come with the program.
func WorkloadNames() []string {
	entries, err := fs.ReadDir(workloadFiles, "workloads")
	if err != nil {
		panic(err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// WorkloadText is the YAML of a workload that comes with the program.
func WorkloadText(name string) ([]byte, error) {
	text, err := workloadFiles.ReadFile("workloads/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("workload %q is neither a file nor one of %s", name, strings.Join(WorkloadNames(), ", "))
	}
	return text, nil
}

// LoadWorkload reads a workload: one that comes with the program by its name, or a YAML file by its path. An unknown key
// is an error with its line.
func LoadWorkload(nameOrFile string) (*Workload, error) {
	name := nameOrFile
	var text []byte
	var err error
	if strings.ContainsAny(nameOrFile, "./\\") {
		if text, err = os.ReadFile(nameOrFile); err != nil {
			return nil, fmt.Errorf("read workload: %w", err)
		}
		name = name[strings.LastIndexAny(name, "/\\")+1:]
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml")
	} else if text, err = WorkloadText(nameOrFile); err != nil {
		return nil, err
	}
	w := &Workload{Name: name}
	if err := yaml.UnmarshalWithOptions(text, w, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("workload %s: %s", nameOrFile, yaml.FormatError(err, false, false))
	}
	if len(w.Tables) == 0 || len(w.Items) == 0 || len(w.Mix) == 0 {
		return nil, fmt.Errorf("workload %s: %w", nameOrFile, errors.New("it needs tables, items and a mix"))
	}
	return w, nil
}
