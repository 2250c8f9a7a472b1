"""A primary for tests that answers SOA over UDP and TCP and transfers over TCP, and tells the truth or one of many lies.

`serial` and `address` are what its zone has; `lie` names what it does when it is asked for a transfer, see LIES; while it is
`silent` nobody gets an answer. `attempts` counts transfers asked for. It runs in threads of its own.
"""
import socket
import struct
import threading
import time

from support.lab import free_port

A, NS, SOA, TXT, IXFR, AXFR = 1, 2, 6, 16, 251, 252


def name(text):
    out = b""
    for label in text.strip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def record(owner, kind, data, ttl=60, rr_class=1):
    return name(owner) + struct.pack(">HHIH", kind, rr_class, ttl, len(data)) + data


def question_of(message):
    at = 12
    while message[at]:
        at += 1 + message[at]
    return message[12:at + 5], struct.unpack(">H", message[at + 1:at + 3])[0]


class Primary:
    def __init__(self, zone):
        self.zone, self.lie, self.serial, self.address = zone, None, 1, "192.0.2.1"
        self.port = free_port()
        self.attempts = 0
        self.silent = False
        self.soa_numbers = (3600, 10, 86400, 300)  # refresh, retry, expire, minimum
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", self.port))
        self.tcp.listen(16)
        for target in (self.answer_udp, self.answer_tcp):
            threading.Thread(target=target, daemon=True).start()

    # What the zone is made of.
    def soa(self, serial=None, owner=None):
        numbers = struct.pack(">5I", self.serial if serial is None else serial, *self.soa_numbers)
        return record(owner or self.zone, SOA, name(f"ns.{self.zone}") + name(f"host.{self.zone}") + numbers, 3600)

    def body(self):
        address = socket.inet_aton
        return [record(self.zone, NS, name(f"ns.{self.zone}"), 3600), record(f"ns.{self.zone}", A, address("192.0.2.53")),
                record(f"www.{self.zone}", A, address(self.address))]

    @staticmethod
    def message(request, records, flags=0x8400):
        question, _ = question_of(request)
        return request[:2] + struct.pack(">5H", flags, 1, len(records), 0, 0) + question + b"".join(records)

    def answer_udp(self):
        while True:
            request, peer = self.udp.recvfrom(4096)
            if len(request) >= 17 and not request[2] & 0x80 and not self.silent:
                self.udp.sendto(self.message(request, [self.soa()]), peer)

    def answer_tcp(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                head = connection.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                request = connection.recv(struct.unpack(">H", head)[0], socket.MSG_WAITALL)
                if self.silent:
                    return
                _, kind = question_of(request)
                if kind == SOA:
                    self.send(connection, self.message(request, [self.soa()]))
                    return
                self.attempts += 1
                (LIES[self.lie] if self.lie else Primary.tell_truth)(self, connection, request, kind)
            except OSError:
                pass

    @staticmethod
    def send(connection, message):
        connection.sendall(struct.pack(">H", len(message)) + message)

    def notify(self, port, serial=None):
        message = struct.pack(">6H", 77, 0x2400, 1, 1, 0, 0) + name(self.zone) + struct.pack(">HH", SOA, 1) + \
            self.soa(serial)
        self.udp.sendto(message, ("127.0.0.1", port))

    def tell_truth(self, connection, request, kind):
        self.send(connection, self.message(request, [self.soa(), *self.body(), self.soa()]))

    # Lies about a transfer.
    def whole(self, connection, request, records, flags=0x8400):
        self.send(connection, self.message(request, records, flags))

    def cut_off(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body()])

    def cut_within_a_message(self, connection, request, kind):
        message = self.message(request, [self.soa(), *self.body(), self.soa()])
        connection.sendall(struct.pack(">H", len(message)) + message[:-9])

    def other_closing_soa(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body(), self.soa(self.serial + 1)])

    def soa_in_the_middle(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body(), self.soa(owner=f"sub.{self.zone}"), self.soa()])

    def foreign_name(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body(), record("www.bank.test", A, b"\1\2\3\4"), self.soa()])

    def other_class(self, connection, request, kind):
        self.whole(connection, request,
                   [self.soa(), *self.body(), record(f"ch.{self.zone}", TXT, b"\1x", rr_class=3), self.soa()])

    def no_name_servers(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body()[1:], self.soa()])

    def bad_data(self, connection, request, kind):
        self.whole(connection, request, [self.soa(), *self.body(), record(f"bad.{self.zone}", A, b"\1\2\3"), self.soa()])

    def garbage(self, connection, request, kind):
        connection.sendall(bytes((i * 37) % 256 for i in range(4000)))

    def other_id(self, connection, request, kind):
        message = self.message(request, [self.soa(), *self.body(), self.soa()])
        self.send(connection, bytes([message[0] ^ 1]) + message[1:])

    def other_question(self, connection, request, kind):
        other = request.replace(name(self.zone), name("x" + self.zone[1:]), 1)
        self.send(connection, self.message(other, [self.soa(), *self.body(), self.soa()]))

    def refuses(self, connection, request, kind):
        self.whole(connection, request, [], 0x8405)

    def older_than_said(self, connection, request, kind):
        self.whole(connection, request, [self.soa(1), *self.body(), self.soa(1)])

    def removes_what_is_not_there(self, connection, request, kind):
        if kind == AXFR:
            return self.cut_off(connection, request, kind)
        gone = record(f"never.{self.zone}", A, b"\1\2\3\4")
        self.whole(connection, request, [self.soa(), self.soa(1), gone, self.soa(), self.soa()])
        return None

    def adds_what_is_there(self, connection, request, kind):
        if kind == AXFR:
            return self.cut_off(connection, request, kind)
        again = record(f"www.{self.zone}", A, socket.inet_aton("192.0.2.1"))
        self.whole(connection, request, [self.soa(), self.soa(1), self.soa(), again, self.soa()])
        return None

    def from_another_serial(self, connection, request, kind):
        if kind == AXFR:
            return self.cut_off(connection, request, kind)
        self.whole(connection, request, [self.soa(), self.soa(7), self.soa(), self.soa()])
        return None

    def drips(self, connection, request, kind):
        message = self.message(request, [self.soa(), *self.body(), self.soa()])
        octets = struct.pack(">H", len(message)) + message
        for i in range(min(20, len(octets) - 1)):
            connection.sendall(octets[i:i + 1])
            time.sleep(0.05)


LIES = {one.__name__: one for one in (
    Primary.cut_off, Primary.cut_within_a_message, Primary.other_closing_soa, Primary.soa_in_the_middle,
    Primary.foreign_name, Primary.other_class, Primary.no_name_servers, Primary.bad_data, Primary.garbage,
    Primary.other_id, Primary.other_question, Primary.refuses, Primary.older_than_said,
    Primary.removes_what_is_not_there, Primary.adds_what_is_there, Primary.from_another_serial, Primary.drips)}
