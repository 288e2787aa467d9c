"""Reads ITCH files with two decoders that know nothing of Plinth, and compares the books that they make with the engine's own.

usage: itch-foreign.py FOLDER..., each with a *.itch file, book.txt and by_size.txt
book.txt: STOCK SIDE PRICE SHARES, each side in the order of its queue. by_size.txt: stocks whose trades were shared by size; only `itchfeed`
reads these, since `meatpy` takes every trade that jumps the queue for an error of the feed.
"""

import collections
import datetime
import pathlib
import sys

from itch.parser import MessageParser
from meatpy.itch50 import ITCH50MarketProcessor, ITCH50MessageReader


def engine_book(path):
    book = collections.defaultdict(list)
    with open(path, encoding="ascii") as lines:
        for line in lines:
            stock, side, price, shares = line.split()
            book[stock, side].append((int(price), int(shares)))
    return book


def itchfeed_book(path):
    """`itchfeed` decodes; the orders are kept in the order of their coming, as the standard describes it."""
    orders, stocks, kinds = {}, {}, collections.Counter()
    with open(path, "rb") as file:
        for message in MessageParser().parse_file(file):
            kind = message.message_type.decode()
            kinds[kind] += 1
            if kind == "R":
                stocks[message.stock_locate] = message.stock.decode().strip()
            elif kind == "A":
                side = message.buy_sell_indicator.decode()
                orders[message.order_reference_number] = [message.stock_locate, side, message.price, message.shares]
            elif kind in "EC":
                reduce(orders, message.order_reference_number, message.executed_shares)
            elif kind == "X":
                reduce(orders, message.order_reference_number, message.cancelled_shares)
            elif kind == "D":
                del orders[message.order_reference_number]
            elif kind == "U":
                locate, side, _, _ = orders.pop(message.order_reference_number)
                orders[message.new_order_reference_number] = [locate, side, message.price, message.shares]
    book = collections.defaultdict(list)
    for locate, side, price, shares in orders.values():
        book[stocks[locate], side].append((price, shares))
    for (_, side), queue in book.items():
        queue.sort(key=lambda order: -order[0] if side == "B" else order[0])
    return book, stocks.values(), kinds


def reduce(orders, reference, shares):
    orders[reference][3] -= shares
    assert orders[reference][3] >= 0, f"order {reference} has less than nothing"
    if orders[reference][3] == 0:
        del orders[reference]


def meatpy_book(path, stock):
    """`meatpy` decodes and keeps the book itself; it complains of trades that jump the queue."""
    processor = ITCH50MarketProcessor(stock, datetime.datetime(2026, 11, 23))
    with ITCH50MessageReader(path) as reader:
        for message in reader:
            processor.process_message(message)
    lob = processor.current_lob
    book = {"B": [], "S": []}
    if lob is None:
        return book
    assert not lob.execution_errors_buffer, lob.execution_errors_buffer
    for side, levels in (("B", lob.bid_levels), ("S", lob.ask_levels)):
        for level in levels:
            book[side] += [(level.price, order.volume) for order in level.queue]
    return book


def main():
    compared, seen = collections.Counter(), collections.Counter()
    for folder in map(pathlib.Path, sys.argv[1:]):
        day, kinds = compare_day(folder)
        print(f"{folder.name}: resting orders that each decoder has as the engine: {dict(day)}")
        compared += day
        seen += kinds
    print("messages:", dict(sorted(seen.items())))
    # One day may end with an empty book; all of them together may not, nor without a type of message that the feed knows.
    if missing := set("RHADEUXPS") - set(seen):
        sys.exit(f"no file has a message of type {missing}: they prove less than they should")
    if not compared["itchfeed"] or not compared["meatpy"]:
        sys.exit(f"a decoder compared no order: {dict(compared)}")


def compare_day(folder):
    """How many resting orders each decoder has as the engine, and how many messages of each type there were."""
    [path] = map(str, folder.glob("*.itch"))
    engine = engine_book(folder / "book.txt")
    by_size = set((folder / "by_size.txt").read_text(encoding="ascii").split())
    book, stocks, kinds = itchfeed_book(path)
    compared = collections.Counter()
    for stock in stocks:
        ours = {side: engine[stock, side] for side in "BS"}
        books = [("itchfeed", {side: book[stock, side] for side in "BS"})]
        if stock not in by_size:
            books.append(("meatpy", meatpy_book(path, stock)))
        for name, theirs in books:
            # Prices may come as decimals.
            theirs = {side: [(scaled(price), shares) for price, shares in queue] for side, queue in theirs.items()}
            if theirs != ours:
                sys.exit(f"{folder}, {name}: {stock} is\n{theirs}\nnot\n{ours}")
            compared[name] += sum(map(len, theirs.values()))
    return compared, kinds


def scaled(price):
    return price if isinstance(price, int) else round(price * 10_000)


main()
