#!/usr/bin/env bash
# Evaluate on several GPUs of one machine, or of several with NNODES, NODE_RANK, MASTER_ADDR and PORT set:
#   tools/dist_test.sh CONFIG CHECKPOINT GPUS [flags of test.py]
set -e
if [ $# -lt 3 ]; then echo "usage: $0 CONFIG CHECKPOINT GPUS [flags of test.py]" >&2; exit 2; fi
config=$1 checkpoint=$2 gpus=$3
torchrun --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$gpus" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    "$(dirname "$0")/test.py" "$config" "$checkpoint" --launcher pytorch "${@:4}"
