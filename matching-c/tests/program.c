/* Drives the engine through its C ABI: an example, and the test that header and library agree. Prints one line for each event. */
#include "plinth_matching.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(plinth_command) == 64, "the head of a record");
_Static_assert(offsetof(plinth_command, session) == 18 && offsetof(plinth_command, order) == 24, "its fields");
_Static_assert(offsetof(plinth_command, instrument) == 48 && offsetof(plinth_command, zero) == 54, "its fields");
_Static_assert(sizeof(plinth_capacity) == 28 && sizeof(plinth_instrument) == 48 && sizeof(plinth_event) == 64, "sizes");
_Static_assert(offsetof(plinth_event, kind) == 54 && offsetof(plinth_instrument, price_decimals) == 40, "offsets");

#define CHECK(what)                                                                                                                        \
    do {                                                                                                                                   \
        if (!(what)) {                                                                                                                     \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                                                             \
            exit(1);                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

static uint64_t seq = 1000;

static plinth_command order(uint16_t session, uint64_t n, uint8_t flags, int64_t price, uint64_t qty)
{
    plinth_command command = {0};
    command.seq = ++seq;
    command.time_ns = seq;
    command.kind = PLINTH_NEW;
    command.flags = flags;
    command.session = session;
    command.mandate = session - 1u;
    command.order = plinth_order_id(session, n);
    command.price = price;
    command.qty = qty;
    return command;
}

static void print_events(plinth_engine *engine)
{
    plinth_event events[3];
    size_t count;
    do {
        CHECK(plinth_poll(engine, events, 3, &count) == PLINTH_OK);
        for (size_t i = 0; i < count; i++) {
            const plinth_event *e = &events[i];
            printf("%d seq=%" PRIu64 " order=%" PRIx64 " taker=%" PRIx64 " trade=%" PRIu64 " price=%" PRId64 " qty=%" PRIu64 " reason=%d\n",
                   e->kind, e->seq, e->order, e->taker, e->trade, e->price, e->qty, e->reason);
        }
    } while (count > 0);
}

int main(void)
{
    CHECK(plinth_abi_version() == PLINTH_ABI_VERSION);
    plinth_capacity capacity;
    plinth_engine *engine = NULL;
    CHECK(plinth_capacity_default(&capacity) == PLINTH_OK);
    capacity.orders_max = 0;
    CHECK(plinth_engine_new(&capacity, &engine) == PLINTH_CAPACITY && engine == NULL);
    capacity.orders_max = 1024;
    CHECK(plinth_engine_new(&capacity, &engine) == PLINTH_OK);

    CHECK(plinth_add_asset(engine, 0, "USD\0\0\0\0\0\0\0\0\0\0\0\0", 2) == PLINTH_OK);
    CHECK(plinth_add_asset(engine, 1, "BOND\0\0\0\0\0\0\0\0\0\0\0", 0) == PLINTH_OK);
    CHECK(plinth_add_asset(engine, 7, "GAP\0\0\0\0\0\0\0\0\0\0\0\0", 0) == PLINTH_REFUSED);
    CHECK(plinth_add_asset(engine, 2, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0) == PLINTH_ARGUMENT);
    for (uint32_t n = 0; n < 2; n++) {
        char name[16] = {'F', 'I', 'R', 'M', (char)('0' + n)};
        CHECK(plinth_open_account(engine, n, name) == PLINTH_OK);
        CHECK(plinth_grant(engine, n, (uint16_t)(n + 1), n) == PLINTH_OK);
        CHECK(plinth_credit(engine, n, 0, 1, 0) == PLINTH_OK);
        CHECK(plinth_credit(engine, n, 1, 0, 1000000) == PLINTH_OK);
    }
    plinth_instrument bond = {.qty_max = 1000, .window_low = 64, .id = 0, .base = 1, .quote = 0, .symbol = "BOND/USD", .price_decimals = 2, .window_bits = 10};
    CHECK(plinth_list_instrument(engine, &bond) == PLINTH_OK);

    /* Two offers and a bid that takes one and a half of them, then a cancel: one batch. */
    plinth_command batch[5] = {order(1, 1, PLINTH_SELL, 100, 10), order(1, 2, PLINTH_SELL, 101, 10), order(2, 1, PLINTH_IOC, 101, 15),
                               order(2, 2, 0, 90, 1)};
    batch[4] = (plinth_command){.seq = ++seq, .time_ns = seq, .kind = PLINTH_CANCEL, .session = 2, .mandate = 1, .order = plinth_order_id(2, 2)};
    size_t done = 99, used = 99;
    CHECK(plinth_submit(engine, batch, 5, NULL, 0, &done, &used) == PLINTH_OK && done == 5 && used == 0);
    print_events(engine);

    uint8_t found;
    int64_t price;
    uint64_t lots;
    CHECK(plinth_best(engine, 0, 1, &found, &price, &lots) == PLINTH_OK && found && price == 101 && lots == 5);
    CHECK(plinth_best(engine, 0, 0, &found, &price, &lots) == PLINTH_OK && !found);
    CHECK(plinth_best(engine, 0, 2, &found, &price, &lots) == PLINTH_ARGUMENT);

    /* A batch stops before the first command that is wrong, and says which. */
    plinth_command wrong[2] = {order(2, 3, 0, 50, 1), order(2, 4, 0, 50, 1)};
    wrong[1].zero[0] = 1;
    CHECK(plinth_submit(engine, wrong, 2, NULL, 0, &done, &used) == PLINTH_COMMAND && done == 1);
    CHECK(plinth_submit(engine, wrong, 1, NULL, 0, &done, &used) == PLINTH_SEQUENCE && done == 0);
    wrong[1] = order(2, 4, 0, 50, 1);
    wrong[1].tail_size = 3;
    CHECK(plinth_submit(engine, &wrong[1], 1, (const uint8_t *)"ab", 2, &done, &used) == PLINTH_TAIL && done == 0);
    CHECK(plinth_submit(engine, &wrong[1], 1, (const uint8_t *)"abc", 3, &done, &used) == PLINTH_OK && done == 1 && used == 3);
    CHECK(plinth_submit(engine, NULL, 1, NULL, 0, &done, &used) == PLINTH_NULL);
    CHECK(plinth_submit(NULL, batch, 1, NULL, 0, &done, &used) == PLINTH_NULL);
    CHECK(plinth_poll(engine, NULL, 1, &done) == PLINTH_NULL);
    print_events(engine);

    /* Who does not poll is stopped, and goes on when it has. */
    uint64_t n = 4;
    plinth_status status = PLINTH_OK;
    for (int i = 0; i < 200000 && status == PLINTH_OK; i++) {
        plinth_command pair[2] = {order(2, ++n, 0, 50, 1), {0}};
        pair[1] = (plinth_command){.seq = ++seq, .time_ns = seq, .kind = PLINTH_CANCEL, .session = 2, .mandate = 1, .order = plinth_order_id(2, n)};
        status = plinth_submit(engine, pair, 2, NULL, 0, &done, &used);
    }
    CHECK(status == PLINTH_FULL);
    size_t taken = 0;
    plinth_event events[256];
    size_t count;
    do {
        CHECK(plinth_poll(engine, events, 256, &count) == PLINTH_OK);
        taken += count;
    } while (count > 0);
    CHECK(taken >= 65536 && taken < 66000);
    plinth_engine_free(engine);
    plinth_engine_free(NULL);
    puts("done");
    return 0;
}
