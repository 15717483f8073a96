// The sample unit of the tests on libmodbus, as unit 1: "tcp PORT" or "rtu DEVICE".
#include <modbus/modbus.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint16_t registers[8] = {2305, 0xFFF6, 1, 2, 0x435C, 0x8000, 0x1234, 0x8001};
static const uint8_t bits[3] = {1, 0, 1};

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    int tcp = strcmp(argv[1], "tcp") == 0;
    modbus_t *ctx = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 115200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(3, 3, 8, 8);
    if (!ctx || !map) return 1;
    memcpy(map->tab_registers, registers, sizeof registers);
    memcpy(map->tab_input_registers, registers, sizeof registers);
    memcpy(map->tab_bits, bits, sizeof bits);
    memcpy(map->tab_input_bits, bits, sizeof bits);
    modbus_set_slave(ctx, 1);
    int listener = tcp ? modbus_tcp_listen(ctx, 1) : -1;
    for (;;) {
        if (tcp ? modbus_tcp_accept(ctx, &listener) < 0 : modbus_connect(ctx) < 0) return 1;
        for (;;) {
            uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
            int n = modbus_receive(ctx, query);
            if (n < 0 && tcp) break;
            if (n <= 0) continue;                    // RTU: another unit, or a damaged frame
            if (tcp && query[6] != 1) continue;      // no such unit: silence, as behind a gateway
            modbus_reply(ctx, query, n, map);
        }
    }
}
