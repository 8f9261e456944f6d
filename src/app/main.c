#include "app/command.h"
#include "base/fault.h"

int main(int argc, char **argv)
{
	fault_init();
	return command_main(argc, argv);
}
