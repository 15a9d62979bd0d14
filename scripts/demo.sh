#!/usr/bin/env bash
# Crashes the payment fixture for real, analyzes its core, and saves the report
# where sdcore saves reports. Ends with "Crash report saved: PATH".
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/gen-cores.sh payment
echo
echo "\$ sdcore analyze fixtures/cores/payment/core fixtures/cores/payment/bin"
bin/sdcore analyze fixtures/cores/payment/core fixtures/cores/payment/bin
