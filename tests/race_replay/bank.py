"""A program whose finding was saved by one Python (`finding.json`), to be replayed by others."""

import threading


class Bank:
    def __init__(self, names: list[str]) -> None:
        self.balances = dict.fromkeys(names, 100)
        self.lock = threading.Lock()
        self.log: list[str] = []

    def move(self, source: str, target: str) -> None:
        for name, sign in ((source, -1), (target, 1)):
            self.log.append(f"{name} {sign:+}")
            with self.lock:
                balance = self.balances[name]
            with self.lock:
                self.balances[name] = balance + sign * 10

    def total(self) -> int:
        return sum([self.balances[name] for name in sorted(self.balances)])


def model() -> None:
    bank = Bank(["one", "two"])
    threads = [
        threading.Thread(target=bank.move, args=names) for names in (("one", "two"), ("two", "one"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bank.total() == 200
