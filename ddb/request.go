package ddb

// Request is one API call. It starts from JSON bytes (the awsjson front) or from a typed input, and makes the
// other form on first use. Bytes passed to NewRequest are borrowed until the front has written its response:
// keep nothing that aliases them. A Request is used by one goroutine at a time.
type Request struct {
	// Op is the operation; UnknownOperation for one this build has never heard of.
	Op Operation
	// Name is the operation's name as the client spelled it after the dot of X-Amz-Target.
	Name string
	// Scope separates stores under --isolate ("accessKey/region"); empty otherwise. Caches include it in keys.
	Scope string
	// Host is the request's Host header, which DescribeEndpoints answers with; empty when there is none.
	Host string
	// Service is the part before the dot of X-Amz-Target where Op is UnknownOperation; empty means DynamoDBService.
	Service string
	// Region is the region that the client signed for, where that is not the backend's own. Such a request concerns
	// other tables, whatever their names: nothing of it is cached.
	Region string
	// Once is set where an answer of upstream's that refuses the request for load or trouble is not to be followed by another
	// attempt, because who makes it knows better.
	Once bool
	// Via names the millraces that the request has come through, as their header has it; empty for most.
	Via string

	body    []byte
	input   any
	err     error
	partial bool
	// repeated is what Repeated reports.
	repeated bool
	room     []byte // where body is made
}

// NewRequest makes a request from a client's JSON body, which it borrows.
func NewRequest(op Operation, body []byte) *Request {
	return &Request{Op: op, Name: op.String(), body: body}
}

// NewTypedRequest makes a request from one of the pointer-to-Input types, such as *GetItemInput.
func NewTypedRequest(in Input) *Request {
	op := in.Operation()
	return &Request{Op: op, Name: op.String(), input: in}
}

// Input is a typed request shape.
type Input interface {
	// Operation is the one this shape belongs to.
	Operation() Operation
}

// JSON is the request's body: the client's own bytes, verbatim, when it sent JSON.
func (r *Request) JSON() ([]byte, error) {
	if r.body == nil {
		if r.room == nil {
			r.room = make([]byte, 0, requestRoom)
		}
		r.body = appendInput(r.room[:0], r.input)
	}
	return r.body, nil
}

// MakeIn has the body made in room, if it fits, which is the request's from then on.
func (r *Request) MakeIn(room []byte) { r.room = room }

// From makes r come from where other comes from, for a request made in another's place.
func (r *Request) From(other *Request) *Request {
	r.Scope, r.Host, r.Region, r.Via = other.Scope, other.Host, other.Region, other.Via
	return r
}

// Body is the client's own bytes, or nil when the request was made from a typed input.
func (r *Request) Body() []byte { return r.body }

// InputAs decodes the request into its typed input, once. The errors are *Error: SerializationException for JSON
// of the wrong shape, ValidationException for a broken constraint. It panics if T is not r.Op's input.
func InputAs[T any](r *Request) (*T, error) {
	if r.input == nil && r.err == nil {
		in := new(T)
		if r.partial, r.repeated, r.err = decodeInput(r.body, in); r.err == nil {
			r.input = in
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return r.input.(*T), nil
}

// Response is an answer, two-sided like Request. A service exception is never a Response but an error.
type Response struct {
	// RequestID is the backend's, where it gave one.
	RequestID string

	body    []byte
	output  any
	partial bool
	answer  Answer
	lender  Lender
}

// Lender has lent a response its memory, and takes it back when it is released.
type Lender interface {
	// TakeBack takes it back, and the response with it. Nobody else has any of it then.
	TakeBack()
}

// Answer is a response in a form of a backend's own, from which body and typed output are made when they are asked for.
type Answer interface {
	// AppendJSON appends the body to dst. It is right to the byte what AppendShape makes of Output.
	AppendJSON(dst []byte) ([]byte, error)
	// Output makes the typed output, such as *GetItemOutput. It shares nothing with the answer.
	Output() (any, error)
	// Release gives the answer's memory back; nothing is asked of it after.
	Release()
}

// NewAnswer makes a response from a backend's own form.
func NewAnswer(a Answer) *Response { return &Response{answer: a} }

// NewResponse makes a response from a backend's JSON body, which it takes over.
func NewResponse(body []byte) *Response { return &Response{body: body} }

// LentResponse is a response from a backend's JSON body, which is the lender's: whoever keeps any of it keeps a copy, unless nobody
// releases the response.
func LentResponse(body []byte, lender Lender) Response { return Response{body: body, lender: lender} }

// Lent reports whether the response's memory is lent, so that Release has it used again.
func (r *Response) Lent() bool { return r.lender != nil }

// NewTypedResponse makes a response from a pointer to an output shape, such as *GetItemOutput.
func NewTypedResponse(out any) *Response { return &Response{output: out} }

// JSON is the response's body.
func (r *Response) JSON() (_ []byte, err error) {
	if r.body == nil {
		r.body, err = r.AppendJSON(nil)
	}
	return r.body, err
}

// Body is the backend's own bytes, or nil when the response was made from something else.
func (r *Response) Body() []byte { return r.body }

// AppendJSON appends the response's body to dst. What was no bytes is written there and not kept.
func (r *Response) AppendJSON(dst []byte) ([]byte, error) {
	switch {
	case r.body != nil:
		return append(dst, r.body...), nil
	case r.answer != nil:
		return r.answer.AppendJSON(dst)
	}
	return AppendShape(dst, r.output), nil
}

// Release gives back what memory the response holds. Call it, if at all, once, after the last use of the response and of its body,
// of which whoever was given a part may have it still: those who wait for the same read, or a cache.
func (r *Response) Release() {
	if r.answer != nil {
		r.answer.Release()
		r.answer = nil
	}
	if lender := r.lender; lender != nil {
		*r = Response{}
		lender.TakeBack()
	}
}

// OutputAs decodes the response into its typed output, once. Its error is never an *Error: what cannot be read is no
// refusal. It panics if T is not the operation's output.
func OutputAs[T any](r *Response) (*T, error) {
	if r.output == nil && r.answer != nil {
		out, err := r.answer.Output()
		if err != nil {
			return nil, err
		}
		r.output = out
	}
	if r.output == nil {
		out := new(T)
		partial, err := decodeOutput(r.body, out)
		if err != nil {
			return nil, err
		}
		r.output, r.partial = out, partial
	}
	return r.output.(*T), nil
}
