// Package patient is for the tests of packages that wait for most of their time: for deadlines, for silence, for what somebody else does.
package patient

import (
	"flag"
	"strconv"
)

// atOnce is how many tests run at once. Go runs as many as there are processors, which wait with them.
const atOnce = 4

// Tests lets more of a package's parallel tests run at once than there are processors. It is for TestMain; -parallel has the last word.
func Tests() {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	parallel := flag.Lookup("test.parallel")
	if n, err := strconv.Atoi(parallel.Value.String()); said || err == nil && n >= atOnce {
		return
	}
	if err := parallel.Value.Set(strconv.Itoa(atOnce)); err != nil {
		panic(err)
	}
}
