/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of the histogram of waiting times. */
#include "schema/pool_board.h"

const uint32_t board_wait_ms[BOARD_WAITS - 1] = {
	1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 60000,
};
