package partiql

import (
	"strings"

	"millrace/ddb"
)

// reservedWords cannot be names without quotes: SQL-92's, and those that PartiQL adds. DynamoDB's answers show that it
// has the list of PartiQL's reference implementation, not that of its own expressions: "inner" is refused in a path,
// "data" is not. (PartiQL Specification, "Reserved words"; github.com/partiql/partiql-docs, RFC 0006.)
const reservedWords = `
absolute action add all allocate alter any are as asc assertion at authorization avg bag begin bigint bit bit_length
blob bool boolean by can_cast can_lossless_cast cascade cascaded case cast catalog char char_length character
character_length check clob close coalesce collate collation column commit conflict connect connection constraint
constraints continue convert corresponding count create cross current current_date current_time current_timestamp
current_user cursor date date_add date_diff deallocate dec decimal declare default deferrable deferred delete desc
describe descriptor diagnostics disconnect distinct do domain double drop else end escape exception exec execute
exists external extract fetch first float for foreign found from full get global go goto grant group having identity
immediate index indicator initially inner input insensitive insert int int2 int4 int8 integer integer2 integer4
integer8 interval into isolation join key language last left let level limit list local lower match max min modified
module names national natural nchar new next no nothing nullif numeric octet_length of offset old on only open option
order outer output overlaps pad partial pivot position precision prepare preserve primary prior privileges procedure
public read real references relative remove restrict returning revoke right rollback rows schema scroll section
select session session_user set sexp size smallint some space sql sqlcode sqlerror sqlstate string struct substring
sum symbol system_user table temporary then time timestamp to transaction translate translation trim tuple unique
unknown unpivot update upper usage user using value values varchar varying view when whenever where with work write
zone
`

// operatorWords are operators that are words.
const operatorWords = "and or not is in like between union except intersect"

// functionWords are reserved words that can be called.
const functionWords = `
exists count avg max min sum substring char_length character_length octet_length bit_length upper lower size sexp list
bag
`

// words has the kind of every word that is no name; functions those of functionWords.
var words, functions = func() (map[string]tokenKind, map[string]bool) {
	kinds := map[string]tokenKind{"true": tokenTrue, "false": tokenFalse, "null": tokenNull, "missing": tokenMissing}
	for _, w := range strings.Fields(reservedWords) {
		kinds[w] = tokenKeyword
	}
	for _, w := range strings.Fields(operatorWords) {
		kinds[w] = tokenOperator
	}
	callable := make(map[string]bool)
	for _, w := range strings.Fields(functionWords) {
		callable[w] = true
	}
	return kinds, callable
}()

// classify finds a word's kind, and its text: reserved words are lower case, names as they are.
func classify(word string) (tokenKind, string) {
	lower := strings.ToLower(word)
	if kind, reserved := words[lower]; reserved {
		return kind, lower
	}
	return tokenName, word
}

// typeNames are the types that IS can test for, after their aliases were replaced, with the types of DynamoDB that
// they are; a type that DynamoDB has no counterpart of is nil. BOOL, STRING, NULL and MISSING are known, the others
// assumed.
var typeNames = map[string][]ddb.Kind{
	"missing": nil, "null": {ddb.KindNULL}, "bool": {ddb.KindBOOL}, "boolean": {ddb.KindBOOL},
	"smallint": {ddb.KindN}, "int2": {ddb.KindN}, "integer2": {ddb.KindN}, "int4": {ddb.KindN}, "integer4": {ddb.KindN},
	"int8": {ddb.KindN}, "integer8": {ddb.KindN}, "bigint": {ddb.KindN}, "int": {ddb.KindN}, "integer": {ddb.KindN},
	"float": {ddb.KindN}, "real": {ddb.KindN}, "double precision": {ddb.KindN}, "dec": {ddb.KindN}, "decimal": {ddb.KindN},
	"numeric": {ddb.KindN}, "char": {ddb.KindS}, "character": {ddb.KindS}, "varchar": {ddb.KindS},
	"character varying": {ddb.KindS}, "string": {ddb.KindS}, "symbol": {ddb.KindS}, "clob": {ddb.KindB}, "blob": {ddb.KindB},
	"struct": {ddb.KindM}, "tuple": {ddb.KindM}, "list": {ddb.KindL}, "bag": {ddb.KindSS, ddb.KindNS, ddb.KindBS},
	"date": nil, "time": nil, "timestamp": nil, "sexp": nil, "any": nil,
}
