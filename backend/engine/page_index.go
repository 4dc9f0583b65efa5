package engine

import (
	"slices"
	"strings"

	"millrace/ddb"
)

// findIndex is the index that a Query or Scan names; nil when it names none.
func findIndex(t *table, name *string, consistent bool) (*index, *ddb.Error) {
	if name == nil {
		return nil, nil
	}
	idx, ok := t.index(*name)
	switch {
	case !ok:
		return nil, ddb.Validation("The table does not have the specified index: %s", *name)
	case idx.Global && consistent:
		return nil, ddb.Validation("Consistent reads are not supported on global secondary indexes")
	case idx.filling:
		return nil, ddb.Validation("Cannot read from backfilling global secondary index: %s", *name)
	}
	return idx, nil
}

// missingFrom are those of names that idx does not project.
func missingFrom(idx *index, names []string) []string {
	if idx.projected == nil {
		return nil
	}
	var missing []string
	for _, name := range names {
		if !slices.Contains(idx.projected, name) && !slices.Contains(missing, name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// checkProjected decides whether the read of idx has to fetch whole items from the table: a local index does for
// attributes that it does not project, a global index refuses. names are the attributes asked for, empty for all
// that choice, the Select parameter, says.
func checkProjected(idx *index, choice *string, names []string) (fetch bool, bad *ddb.Error) {
	if idx == nil || idx.projected == nil {
		return false, nil
	}
	if choice != nil && *choice == "ALL_ATTRIBUTES" {
		if idx.Global {
			return false, ddb.Validation(textInvalid+"Select type ALL_ATTRIBUTES is not supported for global secondary index %s "+
				"because its projection type is not ALL", idx.Name)
		}
		return true, nil
	}
	missing := missingFrom(idx, names)
	if len(missing) == 0 {
		return false, nil
	}
	if idx.Global {
		return false, ddb.Validation(textInvalid+"Global secondary index %s does not project [%s]", idx.Name, strings.Join(missing, ", "))
	}
	return true, nil
}

// checkFilterProjected refuses a Query's filter on attributes that the entries of idx do not hold. A Scan's filter
// finds them missing instead.
func checkFilterProjected(idx *index, names []string) *ddb.Error {
	if idx == nil {
		return nil
	}
	missing := missingFrom(idx, names)
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return ddb.Validation(textInvalid+"Secondary index %s does not project one or more filter attributes: [%s]",
		idx.Name, strings.Join(missing, ", "))
}
