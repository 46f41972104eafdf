package http2

// Code is an error code (RFC 9113 7).
type Code uint32

const (
	NoError            Code = 0x0
	ProtocolError      Code = 0x1
	InternalError      Code = 0x2
	FlowControlError   Code = 0x3
	SettingsTimeout    Code = 0x4
	StreamClosed       Code = 0x5
	FrameSizeError     Code = 0x6
	RefusedStream      Code = 0x7
	Cancel             Code = 0x8
	CompressionError   Code = 0x9
	ConnectError       Code = 0xa
	EnhanceYourCalm    Code = 0xb
	InadequateSecurity Code = 0xc
	HTTP11Required     Code = 0xd
)

var codeNames = [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
	"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "unknown error code"
}

// Error says that the client broke the protocol in a way that ends the connection: Fail tells it, then close.
type Error struct {
	Code   Code
	Reason string
}

func (e *Error) Error() string { return e.Code.String() + ": " + e.Reason }

// The errors of Next.
var (
	errPreface       = &Error{ProtocolError, "the connection does not begin with the preface"}          // RFC 9113 3.4
	errNoSettings    = &Error{ProtocolError, "the first frame is not SETTINGS"}                         // RFC 9113 3.4
	errFrameSize     = &Error{FrameSizeError, "frame longer than SETTINGS_MAX_FRAME_SIZE"}              // RFC 9113 4.2
	errWrongSize     = &Error{FrameSizeError, "frame length does not fit its type"}                     // RFC 9113 4.2
	errInterrupted   = &Error{ProtocolError, "header block interrupted by another frame"}               // RFC 9113 4.3
	errContinuation  = &Error{ProtocolError, "CONTINUATION without a header block to continue"}         // RFC 9113 6.10
	errCompression   = &Error{CompressionError, "header block cannot be decoded"}                       // RFC 9113 4.3
	errOnConnection  = &Error{ProtocolError, "frame of a stream on stream 0"}                           // RFC 9113 6
	errOnStream      = &Error{ProtocolError, "frame of the connection on a stream"}                     // RFC 9113 6
	errStreamID      = &Error{ProtocolError, "stream number is even, or lower than one in use"}         // RFC 9113 5.1.1
	errIdle          = &Error{ProtocolError, "frame on an idle stream"}                                 // RFC 9113 5.1
	errStreamClosed  = &Error{StreamClosed, "HEADERS on a closed stream"}                               // RFC 9113 5.1
	errPadding       = &Error{ProtocolError, "more padding than payload"}                               // RFC 9113 6.1, 6.2
	errDependency    = &Error{ProtocolError, "stream depends on itself"}                                // RFC 7540 5.3.1
	errPush          = &Error{ProtocolError, "clients do not push"}                                     // RFC 9113 8.4
	errSetting       = &Error{ProtocolError, "setting with an invalid value"}                           // RFC 9113 6.5.2
	errWindowSetting = &Error{FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a window"}      // RFC 9113 6.9.2
	errWindow        = &Error{FlowControlError, "more data than the window allows"}                     // RFC 9113 6.9.1
	errIncrement     = &Error{ProtocolError, "WINDOW_UPDATE of nothing"}                                // RFC 9113 6.9
	errOverflow      = &Error{FlowControlError, "WINDOW_UPDATE overflows the window"}                   // RFC 9113 6.9.1
	errBlockSize     = &Error{EnhanceYourCalm, "header block far beyond SETTINGS_MAX_HEADER_LIST_SIZE"} // RFC 9113 10.5.1
	errBlockFrames   = &Error{EnhanceYourCalm, "header block in too many frames"}                       // CVE-2024-27316
	errCalm          = &Error{EnhanceYourCalm, "too many frames or resets that lead to nothing"}        // RFC 9113 10.5
)
