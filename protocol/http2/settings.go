package http2

import "encoding/binary"

// Settings (RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1).
const (
	settingTableSize       = 0x1
	settingPush            = 0x2
	settingMaxStreams      = 0x3
	settingInitialWindow   = 0x4
	settingMaxFrame        = 0x5
	settingMaxHeaderList   = 0x6
	settingConnectProtocol = 0x8
	settingNoPriorities    = 0x9
)

const settingLen = 6

// appendSettings writes ours. The window stays at its default: it opens with the first body byte that is taken.
func appendSettings(dst []byte, config *Config) []byte {
	settings := [...]struct {
		id    uint16
		value uint32
	}{
		{settingMaxStreams, uint32(config.MaxStreams)},
		{settingMaxHeaderList, uint32(config.MaxHeaderBytes)},
		{settingConnectProtocol, 1},
		{settingNoPriorities, 1},
	}
	dst = appendHead(dst, len(settings)*settingLen, frameSettings, 0, 0)
	for _, s := range settings {
		dst = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, s.id), s.value)
	}
	return dst
}

// takeSettings applies the client's.
func (c *Conn) takeSettings(h *frameHead, payload []byte) (Event, error) {
	switch {
	case h.stream != 0:
		return Event{}, errOnStream
	case h.has(flagAck):
		if h.length != 0 {
			return Event{}, errWrongSize
		}
		return Event{}, nil
	case h.length%settingLen != 0:
		return Event{}, errWrongSize
	}
	c.configured = true
	before := c.initialWindow
	for ; len(payload) > 0; payload = payload[settingLen:] {
		if err := c.set(binary.BigEndian.Uint16(payload), binary.BigEndian.Uint32(payload[2:])); err != nil {
			return Event{}, err
		}
	}
	c.out = appendHead(c.out, 0, frameSettings, flagAck, 0)
	if err := c.charge(costSettings); err != nil {
		return Event{}, err
	}
	if c.initialWindow > before {
		return Event{Kind: Windows}, nil
	}
	return Event{}, nil
}

func (c *Conn) set(id uint16, value uint32) error {
	switch id {
	case settingTableSize:
		// We use no dynamic table. A client that makes it smaller waits to hear that we follow (RFC 7541 4.2).
		c.tableNews = c.tableNews || value < maxTable
	case settingPush, settingConnectProtocol:
		if value > 1 {
			return errSetting
		}
	case settingInitialWindow:
		return c.setInitialWindow(value)
	case settingMaxFrame:
		if value < maxFrame || value > 1<<24-1 {
			return errSetting
		}
	}
	return nil
}

// setInitialWindow moves the windows of open streams too, below 0 if need be (RFC 9113 6.9.2).
func (c *Conn) setInitialWindow(value uint32) error {
	if value > maxWindow {
		return errWindowSetting
	}
	change := int64(value) - c.initialWindow
	c.initialWindow = int64(value)
	for _, s := range c.streams {
		if s.sendWindow += change; s.sendWindow > maxWindow {
			return errWindowSetting
		}
	}
	return nil
}
