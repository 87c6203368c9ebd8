<?php
// SPDX-License-Identifier: Apache-2.0
// Reads a file, or says that it cannot.
echo @file_get_contents($_GET['path']) ?: "refused\n";
