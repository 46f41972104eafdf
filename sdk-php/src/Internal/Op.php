<?php

declare(strict_types=1);

namespace Gw\Internal;

/**
 * The first element of every message, by the names of docs/protocol.md.
 *
 * Constants, not an enum: they are compared once per message, and an enum would have to be unwrapped each time.
 */
final class Op
{
    // gateway to handler
    public const HELLO = 0x01;
    public const PING = 0x02;
    public const DRAIN = 0x03;
    public const REPLY = 0x04;
    public const REQ = 0x10;
    public const BODY = 0x11;
    public const CREDIT = 0x12;
    public const ABORT = 0x13;
    public const OPEN = 0x30;
    public const MSG = 0x31;
    public const CLOSED = 0x32;
    public const ATTACH = 0x33;
    public const BUF = 0x34;
    public const DETACH = 0x35;
    public const DGRAM = 0x36;

    // handler to gateway
    public const READY = 0x05;
    public const PONG = 0x06;
    public const BYE = 0x07;
    public const ACK = 0x08;
    public const CALL = 0x0a;
    public const RES = 0x20;
    public const RES_START = 0x21;
    public const RES_CHUNK = 0x22;
    public const RES_END = 0x23;
    public const RES_FILE = 0x24;
    public const ACCEPT = 0x25;
    public const EVENTS = 0x26;
    public const BODY_CREDIT = 0x27;
    public const SEND = 0x40;
    public const CLOSE = 0x41;
    public const SENDMANY = 0x42;
    public const JOIN = 0x43;
    public const LEAVE = 0x44;
    public const PUBLISH = 0x45;
    public const BROADCAST = 0x46;
    public const SESSION = 0x47;
    public const DGRAM_SEND = 0x49;
    public const BIND = 0x4a;
    public const SENDUID = 0x4b;

    /** Flag of SEND and its kin: a block of an event stream. */
    public const EVENT = 2;

    /** Receivers ignore unknown messages from here on; below, an unknown op is a violation. */
    public const OPTIONAL = 0x80;
}
