#!/usr/bin/env bash
# Train on several GPUs of one machine, or of several with NNODES, NODE_RANK, MASTER_ADDR and PORT set:
#   tools/dist_train.sh CONFIG GPUS [flags of train.py]
set -e
if [ $# -lt 2 ]; then echo "usage: $0 CONFIG GPUS [flags of train.py]" >&2; exit 2; fi
config=$1 gpus=$2
torchrun --nnodes "${NNODES:-1}" --node-rank "${NODE_RANK:-0}" --nproc-per-node "$gpus" \
    --master-addr "${MASTER_ADDR:-127.0.0.1}" --master-port "${PORT:-29500}" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "${@:3}"
