package engine

import (
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace/ddb"
)

// tagResource adds tags to a table, in place of those with the same keys. It answers nothing at all.
func (e *Engine) tagResource(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.TagResourceInput](req)
	if err != nil {
		return nil, err
	}
	arn, refused := e.parseTagARN(req, in.ResourceArn)
	switch {
	case refused != nil:
		return nil, refused
	case len(in.Tags) == 0:
		return nil, ddb.Validation("Atleast one Tag needs to be provided as Input.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return e.changeTags(ctx, arn, func(tags []ddb.Tag) []ddb.Tag {
		for _, tag := range in.Tags {
			tags = append(withoutTag(tags, *tag.Key), tag)
		}
		return tags
	})
}

// untagResource removes tags from a table; what it has not is ignored. It answers nothing at all.
func (e *Engine) untagResource(ctx context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.UntagResourceInput](req)
	if err != nil {
		return nil, err
	}
	arn, refused := e.parseTagARN(req, in.ResourceArn)
	switch {
	case refused != nil:
		return nil, refused
	case len(in.TagKeys) == 0:
		return nil, ddb.Validation("Atleast one Tag Key needs to be provided as Input.")
	case len(in.TagKeys) > ddb.MaxTags:
		return nil, errTooManyTags()
	}
	for _, key := range in.TagKeys {
		if !isTagText(key, 1, ddb.MaxTagKeyChars) {
			return nil, ddb.Validation("The Tag Key provided is invalid, Key: %s", key)
		}
	}
	return e.changeTags(ctx, arn, func(tags []ddb.Tag) []ddb.Tag {
		for _, key := range in.TagKeys {
			tags = withoutTag(tags, key)
		}
		return tags
	})
}

// withoutTag is tags, which it may overwrite, without the one with that key.
func withoutTag(tags []ddb.Tag, key string) []ddb.Tag {
	return slices.DeleteFunc(tags, func(t ddb.Tag) bool { return *t.Key == key })
}

// changeTags commits what change makes of a copy of a table's tags. Changes of one table's tags follow each other, so that none
// is lost. Nothing that reads of items could show is changed, so caches are not told.
func (e *Engine) changeTags(ctx context.Context, arn tagARN, change func([]ddb.Tag) []ddb.Tag) (*ddb.Response, error) {
	err := e.changeTables(ctx, tableName{}, func(cat *catalog, b *batch) (*catalog, error) {
		t, refused := arn.table(cat)
		if refused != nil {
			return nil, refused
		}
		next := t.changed(func(r *tableRecord) { r.Tags = change(slices.Clone(r.Tags)) })
		if len(next.record.Tags) > ddb.MaxTags {
			return nil, errTooManyTags()
		}
		return cat.changeTable(next, b), nil
	})
	if err != nil {
		return nil, err
	}
	return ddb.NewResponse([]byte{}), nil
}

// tagsPage is how many tags one ListTagsOfResource answers.
const tagsPage = 10

// listTagsOfResource answers a table's tags, in the order of their keys.
func (e *Engine) listTagsOfResource(_ context.Context, req *ddb.Request) (*ddb.Response, error) {
	in, err := ddb.InputAs[ddb.ListTagsOfResourceInput](req)
	if err != nil {
		return nil, err
	}
	arn, refused := e.parseTagARN(req, in.ResourceArn)
	if refused != nil {
		return nil, refused
	}
	v := e.acquireView()
	defer v.release()
	t, refused := arn.table(v.cat)
	if refused != nil {
		return nil, refused
	}
	tags := slices.Clone(t.record.Tags)
	slices.SortFunc(tags, func(a, b ddb.Tag) int { return cmp.Compare(*a.Key, *b.Key) })
	if in.NextToken != nil {
		after, refused := e.openTagToken(t, *in.NextToken)
		if refused != nil {
			return nil, refused
		}
		tags = slices.DeleteFunc(tags, func(tag ddb.Tag) bool { return *tag.Key <= after })
	}
	out := &ddb.ListTagsOfResourceOutput{Tags: append([]ddb.Tag{}, tags...)}
	if len(tags) > tagsPage {
		out.Tags = out.Tags[:tagsPage]
		token := e.tagToken(t, *out.Tags[tagsPage-1].Key)
		out.NextToken = &token
	}
	return ddb.NewTypedResponse(out), nil
}

// tagToken is the NextToken after the tag with that key of t: the key and a seal.
func (e *Engine) tagToken(t *table, key string) string {
	return base64.StdEncoding.EncodeToString(append(e.tagSeal(t, key), key...))
}

// openTagToken is tagToken's inverse.
func (e *Engine) openTagToken(t *table, token string) (key string, refused *ddb.Error) {
	b, err := base64.StdEncoding.Strict().DecodeString(token)
	if err == nil && len(b) >= sealBytes {
		if key = string(b[sealBytes:]); hmac.Equal(b[:sealBytes], e.tagSeal(t, key)) {
			return key, nil
		}
	}
	// Assumed.
	return "", ddb.Validation("The provided NextToken is invalid")
}

// tagSeal proves that this store made a token for t.
func (e *Engine) tagSeal(t *table, key string) []byte {
	text := binary.BigEndian.AppendUint32([]byte("tags"), t.number)
	return keyed(e.secret, append(text, key...))[:sealBytes]
}

// tagARN is the ARN of a table that tags are asked of.
type tagARN struct {
	text string
	name tableName
	// foreign is set if the ARN is of another account.
	foreign *ddb.Error
}

// parseTagARN reads a ResourceArn. (The texts are the service's own.)
func (e *Engine) parseTagARN(req *ddb.Request, arn *string) (tagARN, *ddb.Error) {
	if arn == nil {
		return tagARN{}, ddb.Validation("Invalid TableArn")
	}
	text := *arn
	p, ok := ddb.ParseARN(text)
	switch {
	case !strings.HasPrefix(text, "arn:"):
		return tagARN{}, invalid("ARNs must start with 'arn:': %s", text)
	case !ok, strings.HasPrefix(p.Sub, backupPart):
		return tagARN{}, invalid("Provided Arn is not a DynamoDB resource arn: %s", text)
	case strings.HasPrefix(p.Sub, "index/"):
		return tagARN{}, invalid("Invalid resource arn provided, only table or stream is accepted. Provided resource arn: %s", text)
	case p.Sub != "":
		return tagARN{}, ddb.Validation("Invalid TableArn: Invalid ResourceArn provided as input %s", text)
	}
	a := tagARN{text: text, name: tableName{e.scopeOf(req), p.Table}}
	if p.Account != e.cfg.AccountID {
		a.foreign = e.errNotAllowed(req, text)
	}
	return a, nil
}

// table looks up the table. What an ARN of another account names is found if it is there, since one store serves all
// accounts; if it is not, it is not for us to know.
func (a tagARN) table(cat *catalog) (*table, *ddb.Error) {
	if t := cat.byName[a.name]; t != nil && t.desc.TableStatus != "CREATING" {
		return t, nil
	}
	if a.foreign != nil {
		return nil, a.foreign
	}
	return nil, ddb.ResourceNotFound("Requested resource not found: ResourceArn: %s not found", a.text)
}

// errTooManyTags refuses more tags than a table may have.
func errTooManyTags() *ddb.Error {
	return ddb.Validation("Number of Tags exceed the current limit for the provided ResourceArn")
}

// checkTags checks tags that are given to a resource. (Developer Guide, "Tagging restrictions in DynamoDB"; the texts are the
// service's own.)
func checkTags(tags []ddb.Tag) *ddb.Error {
	if len(tags) > ddb.MaxTags {
		return errTooManyTags()
	}
	seen := make(map[string]bool)
	for _, t := range tags {
		switch {
		case t.Key == nil || !isTagText(*t.Key, 1, ddb.MaxTagKeyChars):
			return ddb.Validation("The Tag Key provided is invalid, Key: %s", shownText(t.Key))
		case strings.HasPrefix(strings.ToLower(*t.Key), "aws:"):
			return ddb.Validation("Tag Key cannot be prefixed with aws:, Key: %s", *t.Key)
		case t.Value == nil || !isTagText(*t.Value, 0, ddb.MaxTagValueChars):
			return ddb.Validation("The Tag Value provided is invalid, Value: %s", shownText(t.Value))
		case seen[*t.Key]:
			return ddb.Validation("Duplicate Tag Keys provided as input: Duplicate Tag Key found %s", *t.Key)
		}
		seen[*t.Key] = true
	}
	return nil
}

// shownText is s as Java shows it.
func shownText(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// isTagText reports whether s has a length from least to most, in characters, and holds only what tags may hold.
// (Developer Guide, "Tagging restrictions in DynamoDB".)
func isTagText(s string, least, most int) bool {
	if n := utf8.RuneCountInString(s); n < least || n > most {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune("+-=._:/@", r) {
			return false
		}
	}
	return true
}
