/* The matching engine of Plinth behind a C ABI: commands in batches, events polled.
 *
 * Ownership: plinth_engine_new makes an engine and plinth_engine_free frees it; every other memory is the caller's and is not kept beyond
 * the call. An engine is used by one thread at a time; different engines know nothing of each other.
 * Every function answers with a plinth_status; outputs are written whatever it is, unless a pointer is null.
 * Little-endian machines only. Link with -lplinth_matching_c; the static library also needs -lpthread -ldl -lm.
 */
#ifndef PLINTH_MATCHING_H
#define PLINTH_MATCHING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PLINTH_ABI_VERSION 1u

typedef int32_t plinth_status;
enum {
    PLINTH_OK = 0,
    PLINTH_NULL = 1,     /* a pointer is null */
    PLINTH_CAPACITY = 2, /* no engine has this capacity */
    PLINTH_COMMAND = 3,  /* the command behind those done cannot be decoded */
    PLINTH_SEQUENCE = 4, /* its sequence number is not above the last one */
    PLINTH_TAIL = 5,     /* the tails end within its tail */
    PLINTH_FULL = 6,     /* poll events, then submit it again */
    PLINTH_ARGUMENT = 7, /* an argument is out of range */
    PLINTH_REFUSED = 8,  /* the zone has refused */
    PLINTH_POISONED = 9  /* an earlier call found a bug; free the engine */
};

typedef struct plinth_engine plinth_engine;

typedef struct {
    uint32_t orders_max, accounts_max, instruments_max, mandates_max, levels_max;
    uint16_t assets_max, sessions_max, spill_levels_max, reserved;
} plinth_capacity;

/* A command: the head of a journal record. Unused fields are zero and are refused otherwise. */
enum { PLINTH_NEW = 1, PLINTH_CANCEL = 2, PLINTH_REPLACE = 3, PLINTH_MASS_CANCEL = 7, PLINTH_NEW_INSTRUCTED = 8, PLINTH_MASS_QUOTE = 16 };
enum { PLINTH_SELL = 1, PLINTH_MARKET = 2, PLINTH_POST_ONLY = 4, PLINTH_IOC = 8, PLINTH_FOK = 16 };
typedef struct {
    uint64_t seq;     /* above that of every command before */
    uint64_t time_ns; /* since 1970, not going back */
    uint8_t kind;
    uint8_t flags;
    uint16_t session;
    uint32_t mandate;
    uint64_t order; /* plinth_order_id(session, n); of new orders n is the session's last one plus 1 */
    int64_t price;  /* ticks */
    uint64_t qty;   /* lots; of a replace the total, what has traded included */
    uint32_t instrument;
    uint16_t tail_size;
    uint8_t zero[10];
} plinth_command;

typedef struct {
    uint64_t qty_max;
    int64_t window_low;
    uint32_t id;
    uint16_t base, quote;
    char symbol[16]; /* zero-padded */
    uint8_t price_decimals, qty_decimals;
    uint8_t window_bits; /* 6 to 20: the dense window is 2^window_bits ticks wide */
    uint8_t reserved[5];
} plinth_instrument;

enum {
    PLINTH_ACCEPTED = 1,
    PLINTH_REJECTED = 2, /* reason: the code of the refusal */
    PLINTH_TRADED = 3,   /* order rested, taker came in */
    PLINTH_CANCELLED = 4,
    PLINTH_REDUCED = 5,
    PLINTH_REPLACED = 6,
    PLINTH_CANCEL_REJECTED = 7,
    PLINTH_MASS_CANCELLED = 8,
    PLINTH_MASS_CANCEL_REJECTED = 9,
    PLINTH_TRIGGERED = 10,
    PLINTH_CREDITED = 11,
    PLINTH_INBOX_REFUSED = 12,
    PLINTH_INBOX_IGNORED = 13,
    PLINTH_WITHDRAWN = 14,
    PLINTH_WITHDRAWAL_REFUSED = 15,
    PLINTH_CONFIGURED = 16,
    PLINTH_CONFIGURATION_REFUSED = 17,
    /* account is the instrument; reason the phase */
    PLINTH_PHASE_CHANGED = 18,
    /* account is the instrument; trade the surplus, reason its side: 1 bids, 2 offers */
    PLINTH_INDICATIVE = 19,
    /* account is the instrument; trade the command that brought the change */
    PLINTH_TOOK_EFFECT = 24,
    /* account is the quote group */
    PLINTH_QUOTED = 25,
    PLINTH_QUOTES_REFUSED = 26,
    PLINTH_QUOTES_STOPPED = 27,
    /* price is 0 while the pegged order waits off the book */
    PLINTH_REPRICED = 20
};
typedef struct {
    uint64_t seq, order, taker, trade;
    int64_t price;
    uint64_t qty;
    uint32_t account;
    uint16_t asset;
    uint8_t kind, reason, kept_priority;
    uint8_t reserved[7];
} plinth_event;

uint32_t plinth_abi_version(void);
uint64_t plinth_order_id(uint16_t session, uint64_t index);
plinth_status plinth_capacity_default(plinth_capacity *capacity);
plinth_status plinth_engine_new(const plinth_capacity *capacity, plinth_engine **engine);
void plinth_engine_free(plinth_engine *engine);

/* Setting up: numbers of each kind are dense, from 0 (sessions from 1). Each is a command of its own, behind the last one. */
plinth_status plinth_add_asset(plinth_engine *engine, uint16_t id, const char name[16], uint8_t decimals);
plinth_status plinth_open_account(plinth_engine *engine, uint32_t id, const char name[16]);
plinth_status plinth_list_instrument(plinth_engine *engine, const plinth_instrument *instrument);
plinth_status plinth_grant(plinth_engine *engine, uint32_t mandate, uint16_t session, uint32_t account);
plinth_status plinth_credit(plinth_engine *engine, uint32_t account, uint16_t asset, uint64_t high, uint64_t low);

/* Executes up to count commands. tails holds the tails of those that have one, one behind the other. done and tails_used say how far it
 * came; if the status is not PLINTH_OK it is about the command behind those done. */
plinth_status plinth_submit(plinth_engine *engine, const plinth_command *commands, size_t count, const uint8_t *tails, size_t tails_size,
                            size_t *done, size_t *tails_used);

/* Takes up to room events, oldest first. */
plinth_status plinth_poll(plinth_engine *engine, plinth_event *events, size_t room, size_t *count);

/* The best bid (side 0) or offer (side 1). */
plinth_status plinth_best(plinth_engine *engine, uint32_t instrument, uint8_t side, uint8_t *found, int64_t *price, uint64_t *lots);

#ifdef __cplusplus
}
#endif

#endif
