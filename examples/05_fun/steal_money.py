"""Steal a little money: a thief releases a lock that it does not own.

    python examples/05_fun/steal_money.py

An account guards its balance with a lock: whoever pays holds it from the look at the balance until
the new balance is written. The thief does not wait for the lock, he releases it, and takes the
money while the account believes itself alone. `threading.Lock` lets him; `ungil.sync.Lock` knows
its owner.
"""

import threading
from collections.abc import Callable
from typing import Any

from ungil import sync


class Account:
    def __init__(self, balance: int, lock: Any) -> None:
        self.balance = balance
        self.lock = lock

    def pay(self, amount: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Takes `amount` off. `meanwhile` is what happens elsewhere while the lock is held."""
        with self.lock:
            balance = self.balance
            meanwhile()
            self.balance = balance - amount


def rob(make_lock: Callable[[], Any]) -> None:
    account, loot, refusals = Account(100, make_lock()), [0], []

    def steal() -> None:
        try:
            account.lock.release()  # not his!
        except RuntimeError as error:
            refusals.append(f"{type(error).__name__}: {error}")
            return
        account.pay(90)
        loot[0] += 90
        account.lock.acquire()  # as if nothing had happened

    def during_the_payment() -> None:
        thief = threading.Thread(target=steal, name="the thief")
        thief.start()
        thief.join()

    account.pay(10, during_the_payment)
    total = account.balance + 10 + loot[0]
    print(
        f"    100 were there; now {account.balance} are left, 10 were paid,"
        f" {loot[0]} stolen: {total}"
    )
    print(f"    refused: {refusals[0]}" if refusals else "    nothing complained")


def main() -> None:
    print("threading.Lock:")
    rob(threading.Lock)
    print("ungil.sync.Lock:")
    rob(sync.Lock)


if __name__ == "__main__":
    main()
