"""How plans, positions, outcomes and markets are laid out for the fill kernels."""

# Order of events inside a bar.
PESSIMISTIC, OPTIMISTIC, ADAPTIVE, DRILLDOWN = range(4)

# End states of a plan; the first five are trades.
TP, SL, BE, TIME, SESSION_END, EXPIRED, VOID, INVALID, BUSY, NO_BARS = range(10)

# Columns of a position while it lives (float64 row, signed prices).
(
    P_LEFT,
    P_ENTRY,
    P_STOP,
    P_PAID,
    P_SLIPPED,
    P_SPREAD,  # of the bars it left on, weighted by the shares that left
    P_MAE,
    P_MFE,
    P_REASON,
    P_NEXT,
    P_MOVED,
    P_NIGHTS,  # charged until it left, weighted by the shares that left
) = range(12)
P_WIDTH = 12
DUST = 1e-9  # a share too small to be one

# Columns of a plan row (float64; times are epoch seconds, prices unsigned, NaN: no such rule).
(
    SIDE,
    START,
    LIMIT,  # NaN: market order
    STOP,
    T1,
    S1,
    T2,
    EXPIRES,
    FLAT,
    HOLD,
    MOVE_TO_BE,
    TOUCH_BELOW,
    TOUCH_ABOVE,
    CLOSE_BELOW,
    CLOSE_ABOVE,
) = range(15)

# Columns of an outcome row.
(
    O_STATE,
    O_ENTRY_BAR,
    O_ENTRY_PRICE,
    O_ENTRY_TIME,
    O_EXIT_BAR,
    O_EXIT_PRICE,
    O_EXIT_TIME,
    O_MAE,
    O_MFE,
    O_SLIPPED,
    O_ENTRY_SLIPPED,
    O_SPREAD,  # paid on the leg that trades at the ask, in prices
    O_NIGHTS,
    O_LEFT,  # share that only the end of the bars closed
    O_FIRST,  # when the first of two targets was taken; NaN: not, or in the bar that ended it
) = range(15)
OUTCOME_WIDTH = 15

# How an order met a bar.
UNFILLED, AT_OPEN, INSIDE, REFUSED = range(4)

# Rows of a market array: the bars' prices, spread, half-open times, and the nights charged by
# the bar's opening since some day long ago (only differences mean anything).
B_OPEN, B_HIGH, B_LOW, B_CLOSE, B_SPREAD, B_TIME, B_END, B_NIGHTS = range(8)
