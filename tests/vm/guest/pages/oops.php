<?php
// SPDX-License-Identifier: Apache-2.0
error_log('an error to log');
echo "logged\n";
