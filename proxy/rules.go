package proxy

// Rules has a switch for every rule of the proxy about what it tells the caches that can be broken on its own. Production
// runs AllRules; the simulator of whole nodes turns single ones off and must notice.
type Rules struct {
	Register bool // R42: a page's fill is registered with the interval that it will scan before it is sent
	Last     bool // R45: the item at LastEvaluatedKey belongs to the page that ends there
	Start    bool // R45: and a page that begins after a key reaches down to it
}

// AllRules has every rule on.
func AllRules() Rules { return Rules{Register: true, Last: true, Start: true} }
