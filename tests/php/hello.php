<?php /* SPDX-License-Identifier: Apache-2.0 */ echo "hello ", PHP_SAPI, " ", getmypid();
