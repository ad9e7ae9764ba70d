"""Mutual exclusion by hand, without locks and above them: each with its mistake, and without."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from race_suite.registry import bug, correct
from race_suite.threads import Box, together


class Flags:
    """What two threads tell each other."""

    mine: bool
    yours: bool
    turn: int
    inside: int

    def __init__(self) -> None:
        self.mine = self.yours = False
        self.turn = self.inside = 0


def visit(flags: Flags) -> None:
    """A critical section that notices company."""
    flags.inside += 1
    assert flags.inside == 1
    flags.inside -= 1


def peterson(flags: Flags, turns: tuple[int, int]) -> None:
    """`turns`: whose turn it becomes when the first, the second one wants to enter."""

    def first() -> None:
        flags.mine = True
        flags.turn = turns[0]
        while flags.yours and flags.turn == 1:
            pass
        visit(flags)
        flags.mine = False

    def second() -> None:
        flags.yours = True
        flags.turn = turns[1]
        while flags.mine and flags.turn == 0:
            pass
        visit(flags)
        flags.yours = False

    together(first, second)


@bug("atomicity violation")
def peterson_giving_the_turn_to_itself() -> None:
    peterson(Flags(), (0, 1))


@correct("mine", "yours", "turn", "inside")
def peterson_giving_the_turn_away() -> None:
    peterson(Flags(), (1, 0))


@bug("atomicity violation")
def dekker_with_a_look_before_the_flag() -> None:
    flags = Flags()

    def first() -> None:
        if not flags.yours:
            flags.mine = True
            visit(flags)
            flags.mine = False

    def second() -> None:
        if not flags.mine:
            flags.yours = True
            visit(flags)
            flags.yours = False

    together(first, second)


@correct("mine", "yours", "inside")
def dekker_entering_only_alone() -> None:
    flags = Flags()

    def first() -> None:
        flags.mine = True
        if not flags.yours:
            visit(flags)
        flags.mine = False

    def second() -> None:
        flags.yours = True
        if not flags.mine:
            visit(flags)
        flags.yours = False

    together(first, second)


@bug("atomicity violation")
def tickets_drawn_without_a_lock() -> None:
    ticket, served = Box(), list[int]()

    def enter() -> None:
        mine = ticket.value
        ticket.value = mine + 1
        served.append(mine)

    together(enter, enter)
    assert sorted(served) == [0, 1]


@correct()
def tickets_drawn_under_a_lock() -> None:
    ticket, served, lock = Box(), list[int](), threading.Lock()

    def enter() -> None:
        with lock:
            mine = ticket.value
            ticket.value = mine + 1
        served.append(mine)

    together(enter, enter)
    assert sorted(served) == [0, 1]


class Node:
    def __init__(self, name: str, below: "Node | None") -> None:
        self.name = name
        self.below = below


class Stack:
    """Without locks but for the compare-and-swap, which Python does not have."""

    def __init__(self, *names: str) -> None:
        self.top: Node | None = None
        self.version = 0
        self.swap = threading.Lock()
        for name in names:
            self.top = Node(name, self.top)

    def pop(self, versioned: bool) -> Node | None:
        while True:
            with self.swap:
                top, version = self.top, self.version
            if top is None:
                return None
            below = top.below
            with self.swap:
                if self.top is top and (not versioned or self.version == version):
                    self.top = below
                    self.version += 1
                    return top

    def push(self, node: Node) -> None:
        with self.swap:
            node.below = self.top
            self.top = node
            self.version += 1


def pops_while_a_node_comes_back(versioned: bool) -> None:
    stack, taken = Stack("c", "b", "a"), list[Node]()

    def pop() -> None:
        stack.pop(versioned)

    def pop_two_and_push_the_first() -> None:
        first, second = stack.pop(versioned), stack.pop(versioned)
        assert first is not None
        assert second is not None
        taken.append(second)
        stack.push(first)

    together(pop, pop_two_and_push_the_first)
    assert stack.top not in taken, "what was taken is on the stack again"


@bug("atomicity violation")
def aba() -> None:
    pops_while_a_node_comes_back(versioned=False)


@correct("below")
def aba_with_a_version() -> None:
    pops_while_a_node_comes_back(versioned=True)


class Jobs:
    """A work-stealing queue: its owner takes at the bottom, thieves at the top."""

    def __init__(self, count: int) -> None:
        self.items = list(range(count))
        self.top = 0
        self.bottom = count
        self.lock = threading.Lock()

    def steal(self) -> int | None:
        with self.lock:
            if self.top >= self.bottom:
                return None
            self.top += 1
            return self.items[self.top - 1]

    def take_unless_empty(self) -> int | None:
        """Looks, then takes: a thief can be between the two."""
        if self.top >= self.bottom:
            return None
        self.bottom -= 1
        return self.items[self.bottom]

    def take(self) -> int | None:
        with self.lock:
            return self.take_unless_empty()


def owner_and_thief(take: Callable[[Jobs], int | None]) -> None:
    jobs, done = Jobs(1), list[int | None]()
    together(lambda: done.append(take(jobs)), lambda: done.append(jobs.steal()))
    assert done.count(0) == 1


@bug("atomicity violation")
def work_stealing_queue_whose_owner_looks_first() -> None:
    owner_and_thief(Jobs.take_unless_empty)


@correct()
def work_stealing_queue_with_a_lock() -> None:
    owner_and_thief(Jobs.take)


def read_and_write(counted: AbstractContextManager[object]) -> None:
    """The first reader locks the writers out, the last one lets them in; `counted` guards them."""
    page, room, count = Box(), threading.Semaphore(1), Box()

    def read() -> None:
        with counted:
            count.value += 1
            if count.value == 1:
                room.acquire()
        assert page.value == page.other
        with counted:
            count.value -= 1
            if count.value == 0:
                room.release()

    def write() -> None:
        with room:
            page.value += 1
            page.other += 1

    together(read, read, write)


@bug("hang")
def readers_counted_without_a_lock() -> None:
    read_and_write(nullcontext())


@correct()
def readers_counted_under_a_lock() -> None:
    read_and_write(threading.Lock())


def ring(sure: bool) -> None:
    """Each passes on what the one before it has."""
    boxes, done = [Box() for _ in range(3)], [threading.Event() for _ in range(3)]

    def pass_on(place: int) -> None:
        if place > 0:
            if sure:
                done[place - 1].wait()
            boxes[place].value = boxes[place - 1].value + 1
        done[place].set()

    together(*[lambda place=place: pass_on(place) for place in range(3)])
    assert boxes[2].value == 2


@bug("exception")
def token_ring_that_does_not_wait() -> None:
    ring(sure=False)


@correct()
def token_ring() -> None:
    ring(sure=True)
