"""``python -m api_gateway``: REST, and the inventory's way onto Kafka."""

from api_gateway.adapters.gateway import run_gateway
from api_gateway.settings import GatewaySettings
from minestream_runtime.service import run_service

if __name__ == "__main__":
    run_service("api-gateway", GatewaySettings, run_gateway)
